/** Sandbox values as the API shows them: what to hand to the vault, and what to bind, so that a channel does a thing on purpose. */
import type { Channel, SandboxValue, Source } from '../channels/channel.ts'
import { type RefusalCategory, refusalCatalogue } from '../channels/refusal.ts'
import { kindOfSource, payerFields } from '../channels/source.ts'

export type SandboxValueView = ReturnType<typeof viewSandboxValue>

/** One row of the table. The same bodies serve the demo, the simulation and whoever tries a channel by hand. */
export function viewSandboxValue(channel: Channel, value: SandboxValue) {
  const { outcome } = value
  const ends = value.ends ?? (outcome === 'challenged' || outcome === 'verifying' ? 'bound' : null)
  return {
    object: 'sandbox_value' as const,
    channel: channel.name,
    title: value.title,
    instrument: kindOfSource[value.source.type],
    shape: value.shape,
    capture: captureBodyOf(value),
    bind: bindBodyOf(value),
    outcome,
    ends,
    retry: isCategory(outcome) ? refusalCatalogue[outcome].retry : null,
    from: value.from,
  }
}

const isCategory = (outcome: string): outcome is RefusalCategory => outcome in refusalCatalogue

export const sandboxValuesOf = (channels: Iterable<Channel>): readonly SandboxValueView[] =>
  [...channels].flatMap(channel => channel.sandboxValues.map(value => viewSandboxValue(channel, value)))

/** The body for the vault's capture door; of a device token what `POST /v1/sandbox/device_tokens` takes to make one; null: nothing to capture. */
export function captureBodyOf({ source, give }: SandboxValue): Readonly<Record<string, unknown>> | null {
  if (source.type === 'encrypted_card' || Object.keys(give).length === 0) return null
  if (source.type === 'device_token') return { wallet: source.wallet, ...cardOf(give), cryptogram: source.cryptogram }
  if (source.type === 'card') return { ...cardOf(give), ...codeOf(give) }
  const scheme = source.type === 'bank_account' ? source.scheme : source.type === 'wallet' ? source.brand : undefined
  const fields = Object.fromEntries(payerFields.flatMap(name => (give[name] === undefined ? [] : [[name, give[name]]])))
  const { country } = source.payer
  const rail = source.type === 'instant_mandate' ? source.rail : scheme
  return { payer: { kind: source.type, ...(rail === undefined ? {} : { scheme: rail }), country, ...fields } }
}

type Give = SandboxValue['give']
const cardOf = ({ number = '', expiryMonth = '03', expiryYear = '2030' }: Give) => ({
  number,
  expiry_month: Number(expiryMonth),
  expiry_year: Number(expiryYear),
})
const codeOf = ({ number = '', securityCode, holder }: Give) => ({
  security_code: securityCode ?? (number.startsWith('34') || number.startsWith('37') ? '7373' : '737'),
  ...(holder === undefined ? {} : { holder }),
})

/** The part of a bind that names what is bound; `capture` is put in by whoever has captured it. */
export function bindBodyOf({ source, give, terms }: SandboxValue): Readonly<Record<string, unknown>> {
  const mandate = terms === undefined ? {} : { mandate: mandateOf(terms) }
  return { [source.type]: subjectOf(source, Object.keys(give).length > 0), ...mandate }
}

/** `cap_…` stands where the vault's reference goes. */
export const capturePlaceholder = 'cap_…'

function subjectOf(source: Source, captured: boolean): Readonly<Record<string, unknown>> {
  const capture = captured ? { capture: capturePlaceholder } : {}
  switch (source.type) {
    case 'encrypted_card':
      return { fields: source.fields }
    case 'bank_account':
      return {
        ...capture,
        scheme: source.scheme,
        ...(captured ? {} : { country: source.payer.country }),
        ...(source.verify === undefined ? {} : { verify: source.verify }),
      }
    case 'wallet':
      return {
        ...capture,
        brand: source.brand,
        ...(captured || source.payer.country === '' ? {} : { country: source.payer.country }),
        ...(source.by === undefined ? {} : { by: source.by }),
      }
    case 'instant_mandate':
      return {
        ...capture,
        rail: source.rail,
        by: source.by,
        ...(source.payer.holder === undefined ? {} : { holder: source.payer.holder }),
      }
    default:
      return capture
  }
}

function mandateOf({ startsOn, endsOn, ...rest }: NonNullable<SandboxValue['terms']>) {
  return { ...rest, starts_on: startsOn, ...(endsOn === undefined ? {} : { ends_on: endsOn }) }
}
