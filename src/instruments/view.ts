/** What the API and the events show of an instrument. */
import type { BindingRow, InstrumentRow } from './tables.ts'

export type BindingView = ReturnType<typeof viewBinding>
export type InstrumentView = ReturnType<typeof viewInstrument>

const instant = (ms: number): string => new Date(ms).toISOString()

export function viewBinding(row: Omit<BindingRow, 'version'>) {
  return {
    id: row.id,
    object: 'binding' as const,
    channel: row.channel,
    status: row.status,
    token: row.token,
    refusal: row.refusal,
    network_transaction_id: row.network_transaction_id,
    transaction_link_id: row.transaction_link_id,
    consent:
      row.consent === null
        ? null
        : {
            text_version: row.consent.textVersion,
            accepted_at: instant(row.consent.acceptedAt),
            ip: row.consent.ip,
            user_agent: row.consent.userAgent,
          },
    created_at: instant(row.created_at),
    updated_at: instant(row.updated_at),
  }
}

export function viewInstrument(row: Omit<InstrumentRow, 'version'>, bindings: readonly Omit<BindingRow, 'version'>[]) {
  const asked = bindings.find(one => (one.status === 'challenge' || one.status === 'uncertain') && one.action !== null)
  return {
    id: row.id,
    object: 'instrument' as const,
    livemode: row.mode === 'live',
    customer: row.customer,
    kind: row.kind,
    status: row.status,
    card: {
      brand: row.display.brand,
      last4: row.display.last4,
      bin: row.display.bin,
      expiry_month: row.display.expiryMonth,
      expiry_year: row.display.expiryYear,
    },
    next_action: asked?.action
      ? { type: asked.action.type, url: asked.action.url, method: asked.action.method, data: asked.action.data ?? null, binding: asked.id }
      : null,
    bindings: bindings.map(viewBinding),
    merged_into: row.merged_into,
    metadata: row.metadata,
    created_at: instant(row.created_at),
    updated_at: instant(row.updated_at),
  }
}
