/** What customers bring: the old test cards, which every card channel knows, and every sandbox value of every channel. */
import type { ChannelName, SandboxValue } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import { Problem } from '../src/core/problem.ts'
import { bindBodyOf, captureBodyOf, capturePlaceholder } from '../src/instruments/sandboxValue.ts'
import { type Simulated, tenant } from './world.ts'

const cards = [
  '4242424242424242',
  '5555555555554444',
  '4111111111111111',
  '378282246310005',
  // refused
  '4000000000000002',
  '4000000000009995',
  '4000000000000069',
  // challenged
  '4000002500003155',
  '4000002760003184',
  '4000000000003220',
] as const

/** What goes into a bind, without the customer. */
export type Brought = {
  readonly body: Readonly<Record<string, unknown>>
  /** The channel whose value it is; undefined for a card that several take. */
  readonly channel: ChannelName | undefined
  readonly value: SandboxValue | undefined
}

/** Undefined: the vault would not take it (a number that is wrong on purpose). */
export async function bring(simulated: Simulated): Promise<Brought | undefined> {
  const { scheduler, favourite } = simulated
  if (scheduler.chance() < (favourite === undefined ? 0.3 : 0.1)) return bringCard(simulated, scheduler.one(cards))
  const channel = channels.get(favourite ?? '') ?? scheduler.one([...channels.values()])
  // Each shape as often as any other, however many values it has; those that end well twice as often.
  const shape = scheduler.one([...new Set(channel.sandboxValues.map(one => one.shape))])
  const ofShape = channel.sandboxValues.filter(one => one.shape === shape)
  const good = ofShape.filter(one => one.ends === undefined && ['bound', 'challenged', 'verifying'].includes(one.outcome))
  const value = scheduler.one(scheduler.chance() < 0.5 && good.length > 0 ? good : ofShape)
  const wanted = captureBodyOf(value)
  const capture =
    wanted === null ? undefined : await captured(simulated, value.source.type === 'device_token' ? tap(simulated, value) : wanted)
  if (wanted !== null && capture === undefined) return undefined
  return { body: withCapture(bindBodyOf(value), capture ?? ''), channel: channel.name, value }
}

async function bringCard(simulated: Simulated, number: string): Promise<Brought | undefined> {
  const code = simulated.scheduler.chance() < 0.7 ? { security_code: number.startsWith('37') ? '7373' : '737' } : {}
  const capture = await captured(simulated, { number, expiry_month: 3, expiry_year: 2030, ...code })
  return capture === undefined ? undefined : { body: { card: { capture } }, channel: undefined, value: undefined }
}

function tap({ server }: Simulated, { source, give }: SandboxValue): Readonly<Record<string, unknown>> {
  if (source.type !== 'device_token') throw new TypeError('only devices are tapped')
  const { number = '', expiryMonth = '03', expiryYear = '2030' } = give
  const { wallet, cryptogram } = source
  const token = server().world.tap?.({ wallet, number, expiryMonth: Number(expiryMonth), expiryYear: Number(expiryYear), cryptogram })
  return { [wallet]: JSON.parse(token ?? '{}') }
}

async function captured(simulated: Simulated, body: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  try {
    const capture = () => simulated.vault.capture({ tenant, mode: 'test' }, Buffer.from(JSON.stringify(body)))
    return (await simulated.scheduler.outside(capture)).reference
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
}

const withCapture = (body: Readonly<Record<string, unknown>>, reference: string): Readonly<Record<string, unknown>> =>
  JSON.parse(JSON.stringify(body).replace(JSON.stringify(capturePlaceholder), JSON.stringify(reference)))
