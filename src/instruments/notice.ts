/**
 * The notices of a change: the events that go out with the commit that made it. The first tells of the instrument or binding; where a mandate
 * changed with it, one more tells of that. Each has a number of its own, and all of them show how things stand after the change.
 */
import type { Write } from '../world/store.ts'
import type { Minds } from './decide.ts'
import { isExpiring } from './expiry.ts'
import { mandateChanges } from './mandateChange.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'
import { viewBinding, viewInstrument } from './view.ts'

/** What happened to an instrument, in the words of its notices. */
export const instrumentNotices = [
  'pending',
  'bound',
  'expiring',
  'expired',
  'updated',
  'suspended',
  'resumed',
  'failed',
  'replaced',
  'blocked',
  'unbound',
  'erasing',
  'erased',
  'needs_customer',
] as const
export type InstrumentNotice = (typeof instrumentNotices)[number]

type Before = { readonly instrument: InstrumentRow; readonly binding?: BindingRow }
export type Noticed = {
  readonly before: Before & { readonly all: readonly Omit<BindingRow, 'version'>[] }
  /** As it will be, but for its number. */
  readonly instrument: InstrumentRow
  /** The one that changed, if the news was about one. */
  readonly binding?: BindingRow
  readonly all: readonly Omit<BindingRow, 'version'>[]
  /** The last notice about it was wrong: late news stands before what it had told. */
  readonly corrects?: boolean
  /** Taken over from another system, which had bound it. */
  readonly imported?: boolean
  /** Where the change is no status of its own: what it is called, and what else is told. */
  readonly type?: EventType
  readonly more?: Readonly<Record<string, unknown>>
  /** It is told because the customer has to do something. */
  readonly asks?: Asks
}
/** Of what happens around an instrument, and is told with it. */
export const aroundNotices = ['dependent.moved', 'default.changed'] as const
type EventType = (typeof aroundNotices)[number] | `instrument.${InstrumentNotice}`
/** `sequence`: the number of the last of them, which the instrument keeps. */
export type Notices = { readonly writes: readonly Write[]; readonly sequence: number }

/** Why the customer is needed: what died, and could not be bound anew without them. */
export type Asks = {
  readonly next_best_action: 'ask_customer'
  readonly cause: string
  readonly died: { readonly binding: string; readonly channel: string }
  /** For the customer. */
  readonly portal_link: string | null
}

export function notice(noticed: Noticed, minds: Pick<Minds, 'mint' | 'now'>): Notices {
  const { before, instrument, binding, all, corrects = false, imported = false, asks, more } = noticed
  const first = before.instrument.sequence + 1
  const previous = { instrument: before.instrument.status }
  const changes = mandateChanges({ own: before.instrument.own, bindings: before.all }, { own: instrument.own, bindings: all })
  const shown = viewInstrument(instrument, all)
  const record = (sequence: number, type: string, data: Readonly<Record<string, unknown>>): Write => ({
    verb: 'record',
    event: {
      tenant: instrument.tenant,
      id: minds.mint('evt', instrument.customer),
      mode: instrument.mode,
      instrument: instrument.id,
      customer: instrument.customer,
      sequence,
      type,
      data,
      created_at: minds.now,
    },
  })
  const main = record(first, noticed.type ?? (asks === undefined ? typeOf(before, instrument, binding) : 'instrument.needs_customer'), {
    instrument: shown,
    ...(binding === undefined ? {} : { binding: viewBinding(binding, instrument.own) }),
    previous: { ...previous, ...(before.binding === undefined ? {} : { binding: before.binding.status }) },
    ...(imported ? { imported } : {}),
    ...(asks === undefined ? {} : { asks }),
    ...(corrects ? { corrects: corrected(before) } : {}),
    ...more,
  })
  const others = changes.map((one, index) =>
    record(first + 1 + index, `mandate.${one.what}`, {
      instrument: shown,
      binding: viewBinding(one.binding, instrument.own),
      previous: { ...previous, mandate: one.previous },
    }),
  )
  return { writes: [main, ...others], sequence: first + others.length }
}

/** Which notice was wrong, by its sequence, and what it had said. */
const corrected = ({ instrument, binding }: Before) => ({
  sequence: binding?.notified ?? instrument.sequence,
  ...(binding === undefined ? {} : { binding: binding.status }),
  instrument: instrument.status,
})

/** Named after what became of the instrument, or of the binding where the instrument's status stayed. */
function typeOf(before: Before, instrument: InstrumentRow, binding: BindingRow | undefined): string {
  const { erasure } = instrument.own
  if (erasure !== undefined && erasure !== before.instrument.own.erasure) return `instrument.${erasure}`
  if (instrument.status !== before.instrument.status) return `instrument.${becoming(before.instrument, instrument)}`
  if (isExpiring(instrument) && !isExpiring(before.instrument)) return 'instrument.expiring'
  if (binding === undefined || before.binding === undefined) return 'instrument.updated'
  return binding.status !== before.binding.status ? `binding.${binding.status}` : 'binding.updated'
}

function becoming(before: InstrumentRow, { status }: InstrumentRow): InstrumentNotice {
  if (status !== 'active') return status
  if (before.status === 'suspended' || before.status === 'blocked') return 'resumed'
  return before.status === 'expired' && before.reasons.length > 0 ? 'updated' : 'bound'
}
