/** The notice of a change: the event that goes out with the commit that made it. */
import type { Write } from '../world/store.ts'
import type { Minds } from './decide.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'
import { viewBinding, viewInstrument } from './view.ts'

type Before = { readonly instrument: Pick<InstrumentRow, 'status'>; readonly binding: Pick<BindingRow, 'status'> }

/** The event that goes out: named after the instrument's new status, or the binding's where the instrument's stayed. */
export function notice(
  before: Before,
  instrument: InstrumentRow,
  binding: BindingRow,
  all: readonly Omit<BindingRow, 'version'>[],
  minds: Minds,
): Write {
  const about =
    instrument.status !== before.instrument.status
      ? `instrument.${instrument.status}`
      : binding.status !== before.binding.status
        ? `binding.${binding.status}`
        : 'binding.updated'
  return {
    verb: 'record',
    event: {
      tenant: instrument.tenant,
      id: minds.mint('evt', instrument.customer),
      mode: instrument.mode,
      instrument: instrument.id,
      customer: instrument.customer,
      sequence: instrument.sequence,
      type: about,
      data: {
        instrument: viewInstrument(instrument, all),
        binding: viewBinding(binding),
        previous: { instrument: before.instrument.status, binding: before.binding.status },
      },
      created_at: minds.now,
    },
  }
}
