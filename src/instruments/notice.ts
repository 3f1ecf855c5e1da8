/** The notice of a change: the event that goes out with the commit that made it. */
import type { Write } from '../world/store.ts'
import type { Minds } from './decide.ts'
import { isExpiring } from './expiry.ts'
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
] as const
export type InstrumentNotice = (typeof instrumentNotices)[number]

type Before = { readonly instrument: InstrumentRow; readonly binding?: BindingRow }
export type Noticed = {
  readonly before: Before
  readonly instrument: InstrumentRow
  /** The one that changed, if the news was about one. */
  readonly binding?: BindingRow
  readonly all: readonly Omit<BindingRow, 'version'>[]
  /** The last notice about it was wrong: late news stands before what it had told. */
  readonly corrects?: boolean
  /** Where the change is no status of its own: what it is called, and what else is told. */
  readonly type?: EventType
  readonly more?: Readonly<Record<string, unknown>>
}
/** Of what happens around an instrument, and is told with it. */
export const aroundNotices = ['dependent.moved', 'default.changed'] as const
type EventType = (typeof aroundNotices)[number] | `instrument.${InstrumentNotice}`

export function notice(
  { before, instrument, binding, all, corrects = false, type, more }: Noticed,
  minds: Pick<Minds, 'mint' | 'now'>,
): Write {
  return {
    verb: 'record',
    event: {
      tenant: instrument.tenant,
      id: minds.mint('evt', instrument.customer),
      mode: instrument.mode,
      instrument: instrument.id,
      customer: instrument.customer,
      sequence: instrument.sequence,
      type: type ?? typeOf(before, instrument, binding),
      data: {
        instrument: viewInstrument(instrument, all),
        ...(binding === undefined ? {} : { binding: viewBinding(binding) }),
        previous: {
          instrument: before.instrument.status,
          ...(before.binding === undefined ? {} : { binding: before.binding.status }),
        },
        ...(corrects && before.binding !== undefined ? { corrects: corrected(before.instrument, before.binding) } : {}),
        ...more,
      },
      created_at: minds.now,
    },
  }
}

/** Which notice was wrong, by its sequence, and what it had said. */
const corrected = (instrument: InstrumentRow, binding: BindingRow) => ({
  sequence: binding.notified,
  binding: binding.status,
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
