/**
 * Every answer and every event of every channel, with one of its values replaced by something else: an adapter never throws for what a
 * channel says, and never for what it delivers.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { signatureHeader } from '../src/channels/antom/sign.ts'
import type { ChannelAnswer, ChannelRequest, LookUpOutcome, References, SandboxValue } from '../src/channels/channel.ts'
import { accountOf, type Bench, createBench, credentialsOf, goOn, type Subject, valuesByShape } from '../src/channels/contract-bench.ts'
import { channels } from '../src/channels/index.ts'
import { isRecord } from '../src/channels/json.ts'
import type { SimulatorEvent } from '../src/channels/simulator.ts'
import { Secret } from '../src/core/secret.ts'
import { loadSubject } from './mutate-wire.ts'

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** How many values there are in it, itself included. */
function sizeOf(value: unknown): number {
  const inner = isList(value) ? value : isRecord(value) ? Object.values(value) : []
  return inner.reduce((sum: number, one) => sum + sizeOf(one), 1)
}

/** The same with one value, somewhere in it, replaced (`undefined`: left out). `at`: which, counted through. */
function replaced(value: unknown, at: number, by: unknown): unknown {
  let count = 0
  const walk = (one: unknown): unknown => {
    const here = count === at
    count += 1
    if (here) return by
    if (isList(one)) return one.map(walk)
    if (isRecord(one)) return Object.fromEntries(Object.entries(one).map(([name, inner]) => [name, walk(inner)]))
    return one
  }
  return walk(value)
}

const odd: readonly unknown[] = [
  ...[
    null,
    undefined,
    '',
    'constructor',
    '__proto__',
    '\u0000',
    '2026-99-99',
    ' ',
    -1,
    1e308,
    0.5,
    true,
    [],
    {},
    [null],
    [{}],
    { id: null },
  ],
  ...[{ toString: 1 }, [[]], 'https://', 'javascript:1', '9'.repeat(400)],
]

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Spoil = (answer: ChannelAnswer, request: ChannelRequest, index: number) => ChannelAnswer

/** From bind to revoke, whatever comes of it: each verb is called with what there is. */
async function live(subject: Subject, value: SandboxValue, spoil: Spoil): Promise<{ readonly bench: Bench; readonly answers: number }> {
  const plain = createBench(subject)
  let answers = 0
  const bench: Bench = {
    ...plain,
    call(operation, of, key) {
      const call = plain.call(operation, of, key)
      const send: typeof call.send = async request => {
        const answer = await call.send(request)
        answers += 1
        return spoil(answer, request, answers - 1)
      }
      return { ...call, send }
    },
  }
  const { channel } = subject
  const referencesOf = (outcome: LookUpOutcome): References => ('references' in outcome ? (outcome.references ?? {}) : {})
  let now: LookUpOutcome = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
  for (let round = 0; round < 3 && now.kind === 'challenged'; round += 1) {
    const returned = await plain.play(now, true).catch(() => ({}))
    now = await goOn(bench, now.references, returned, value, `opn_${round + 2}`)
  }
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: referencesOf(now) }
  for (const references of [about.references, {}])
    await channel.lookUp?.(bench.call('opn_1', value), { ...about, references, verb: 'bind', source: value.source })
  await channel.resend?.(bench.call('opn_5', value), { ...about, returned: {} })
  const token = now.kind === 'bound' ? now.token : 'nobody'
  await channel.refresh?.(bench.call('opn_6', value), { ...about, token })
  await channel.revoke?.(bench.call('opn_7', value), { ...about, token })
  await channel.lookUp?.(bench.call('opn_7', value), { ...about, verb: 'revoke', source: value.source })
  return { bench, answers }
}

/** Antom signs its answers; what is not signed is not read at all. */
function signedAnew(subject: Subject, answer: ChannelAnswer, request: ChannelRequest): ChannelAnswer {
  if (subject.channel.name !== 'antom') return answer
  const [{ signing, settings }] = credentialsOf(subject)
  const time = answer.headers['response-time'] ?? ''
  const signed = { path: new URL(request.url).pathname, clientId: settings.clientId ?? '', time, body: answer.body }
  return { ...answer, headers: { ...answer.headers, signature: signatureHeader(signed, signing) ?? '' } }
}

function withBody(subject: Subject, answer: ChannelAnswer, request: ChannelRequest, value: unknown): ChannelAnswer {
  return signedAnew(subject, { ...answer, body: JSON.stringify(value) ?? '' }, request)
}

/** Undefined where the simulator itself wants more of an event than that (Adyen signs fields, not bytes). */
function signedBy(bench: Bench, event: SimulatorEvent, secret: string) {
  try {
    return bench.stage.simulator.sign(event, { nowMs: bench.clock.nowMs, secrets: [secret] })
  } catch {
    return undefined
  }
}

const statuses = [200, 201, 204, 301, 400, 401, 402, 403, 404, 409, 410, 422, 429, 500]

for (const [name] of channels) {
  describe(`${name}: whatever it says, nothing is thrown`, async () => {
    const subject = await loadSubject(name)
    for (const value of valuesByShape(subject).values()) {
      test(`${value.title}: one value of one answer is another`, async () => {
        const whole = await live(subject, value, answer => answer)
        for (let index = 0; index < whole.answers; index += 1) {
          let size = 1
          for (let at = 0; at < size; at += 1) {
            const by = odd[(at * 7 + index) % odd.length]
            await live(subject, value, (answer, request, which) => {
              const body = parsed(answer.body)
              if (which !== index || body === undefined) return answer
              size = Math.min(sizeOf(body), 120)
              return withBody(subject, answer, request, replaced(body, at, by))
            })
          }
        }
      })

      test(`${value.title}: anything at all, under any status`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.jsonValue(), fc.constantFrom(...statuses), fc.nat(12), async (json, status, from) => {
            await live(subject, value, (answer, request, which) =>
              which < from ? answer : withBody(subject, { ...answer, status }, request, json),
            )
          }),
          { numRuns: 40, seed: 7 },
        )
      })

      test(`${value.title}: an event is read or rejected`, async () => {
        const { webhook } = subject.channel
        if (webhook === undefined) return
        const { bench } = await live(subject, value, answer => answer)
        const [current] = credentialsOf(subject)
        for (const { event } of bench.deliveries()) {
          const body = parsed(event.body)
          for (let at = 0; at < (body === undefined ? 0 : sizeOf(body)); at += 1)
            for (const by of odd) {
              const text = JSON.stringify(replaced(body, at, by)) ?? ''
              const signed = signedBy(bench, { ...event, body: text }, current.signing)
              if (signed === undefined) continue
              const { headers, body: sent } = signed
              const reading = await webhook({
                headers,
                body: Buffer.from(sent),
                nowMs: bench.clock.nowMs,
                secrets: [new Secret(current.verifying)],
                account: accountOf(current),
                send: bench.call('opn_webhook').send,
              })
              assert.ok(reading.kind === 'told' || reading.kind === 'rejected')
              if (reading.kind === 'told') for (const told of reading.told) assert.ok(told.event !== '' && !Number.isNaN(told.moment?.atMs))
            }
        }
      })
    }
  })
}
