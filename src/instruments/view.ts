/** What the API and the events show of an instrument. */
import type { Action } from '../channels/channel.ts'
import { refusalCatalogue } from '../channels/refusal.ts'
import type { NextAction } from './binding.ts'
import { isExpiring } from './expiry.ts'
import { viewMandate } from './mandateView.ts'
import { patienceMs } from './operation.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

export type BindingView = ReturnType<typeof viewBinding>
export type InstrumentView = ReturnType<typeof viewInstrument>

const instant = (ms: number): string => new Date(ms).toISOString()

export function viewBinding(row: Omit<BindingRow, 'version'>, own: InstrumentRow['own']) {
  return {
    id: row.id,
    object: 'binding' as const,
    channel: row.channel,
    status: row.status,
    token: row.token,
    reason: row.reason,
    card: row.shown?.expiryYear === undefined ? null : viewShown(row.shown),
    refusal: row.refusal === null ? null : { ...row.refusal, retry: refusalCatalogue[row.refusal.category].retry },
    next_action: row.action === null ? null : viewNextAction(row.action, row),
    route: row.route === null ? null : { rule: row.route.rule, considered: row.route.considered },
    network_transaction_id: row.network_transaction_id,
    transaction_link_id: row.transaction_link_id,
    mandate: viewMandate(row, own),
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

const viewShown = ({ last4, expiryMonth, expiryYear }: NonNullable<BindingRow['shown']>) => ({
  last4: last4 ?? null,
  expiry_month: expiryMonth ?? null,
  expiry_year: expiryYear ?? null,
})

/** Every action has an end: the channel's, or our own patience. */
function viewNextAction({ alternatives = [], ...action }: NextAction, binding: Pick<BindingRow, 'id' | 'created_at'>) {
  const patience = binding.created_at + patienceMs('challenge')
  return { ...viewAction(action, patience), binding: binding.id, alternatives: alternatives.map(one => viewAction(one, patience)) }
}

function viewAction(action: Action, patience: number) {
  return { ...(shown(action) satisfies { readonly type: Action['type'] }), expires_at: instant(action.expiresAtMs ?? patience) }
}

function shown(action: Action) {
  switch (action.type) {
    case 'redirect':
      return { type: action.type, url: action.url, method: action.method, data: action.data ?? null }
    case 'app_link':
      return { type: action.type, url: action.url }
    case 'qr':
      return { type: action.type, payload: action.payload, image_url: action.imageUrl ?? null }
    case 'otp':
      return {
        type: action.type,
        sent_to: action.sentTo,
        digits: action.digits ?? null,
        tries_left: action.triesLeft ?? null,
        resends: action.resends,
      }
    case 'micro_deposits':
      return {
        type: action.type,
        by: action.by,
        arrives_at: action.arrivesAtMs === undefined ? null : instant(action.arrivesAtMs),
        tries_left: action.triesLeft ?? null,
      }
    case 'three_ds':
      return { type: action.type, stage: action.stage, token: action.token, url: action.url ?? null }
    case 'await':
      return { type: action.type, where: action.where }
  }
}

/** Of an instrument that is a card, the card; of any other, the account. */
function viewDisplay({ kind, display }: Pick<InstrumentRow, 'kind' | 'display'>) {
  const isCard = kind === 'card' || kind === 'device_token'
  const { brand = null, last4 = null, bin = null, expiryMonth = null, expiryYear = null } = display
  const { scheme = null, country = null, bank = null, handle = null } = display
  return {
    card: isCard
      ? { brand, last4, bin, expiry_month: expiryMonth, expiry_year: expiryYear, wallet: kind === 'device_token' ? scheme : null }
      : null,
    account: isCard ? null : { scheme, last4, country, bank, handle },
  }
}

/** What is told of it says nothing of the card, which stands beside it. */
const viewToken = (token: InstrumentRow['own']['networkToken']) =>
  token === undefined
    ? null
    : {
        status: token.status,
        reference: token.reference,
        last4: token.last4 ?? null,
        expiry_month: token.expiry?.month ?? null,
        expiry_year: token.expiry?.year ?? null,
        reason: token.reason ?? null,
      }

export function viewInstrument(row: Omit<InstrumentRow, 'version'>, bindings: readonly Omit<BindingRow, 'version'>[]) {
  const shownBindings = bindings.map(one => viewBinding(one, row.own))
  const asked = shownBindings.find(one => (one.status === 'challenge' || one.status === 'uncertain') && one.next_action !== null)
  return {
    id: row.id,
    object: 'instrument' as const,
    livemode: row.mode === 'live',
    customer: row.customer,
    kind: row.kind,
    status: row.status,
    reasons: row.reasons,
    expiring: isExpiring(row),
    ...viewDisplay(row),
    network_token: viewToken(row.own.networkToken),
    next_action: row.status === 'unbound' || row.status === 'erased' ? null : (asked?.next_action ?? null),
    bindings: shownBindings,
    merged_into: row.merged_into,
    is_default: row.preferred,
    allow_redisplay: row.allow_redisplay,
    policy: row.policy,
    metadata: row.metadata,
    created_at: instant(row.created_at),
    updated_at: instant(row.updated_at),
  }
}
