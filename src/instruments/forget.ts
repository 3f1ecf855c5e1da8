/**
 * What is left of an instrument that was erased: ids, statuses, reasons and times, so that its history still folds to the same end. Everything
 * by which a person or an account could be known is taken out: what was shown, tokens and names at channels, consent, metadata, texts.
 */
import { createHash } from 'node:crypto'
import { type AnyNews, foldBinding, forgottenToken } from './binding.ts'
import { asFact } from './fact.ts'
import { type Mandate, mandateAfter } from './mandate.ts'
import type { OwnNews } from './own.ts'
import type { BindingRow, FactRow, InstrumentFactRow, OperationRow } from './tables.ts'

/** From here on whatever is told of it is kept without what is personal. */
export const isForgotten = ({ own }: { readonly own: { readonly erasure?: 'erasing' | 'erased' } }): boolean => own.erasure === 'erased'

export function forgetNews(news: AnyNews): AnyNews {
  switch (news.kind) {
    case 'bound':
      return {
        kind: 'bound',
        token: forgottenToken,
        references: {},
        ...timesOf(news),
        ...('evidence' in news ? { evidence: news.evidence } : {}),
      }
    case 'challenged':
      return { kind: 'challenged', action: { type: 'await', where: '' }, references: {} }
    case 'verifying':
      return { kind: 'verifying', references: {} }
    case 'updated':
      return { kind: 'updated', ...timesOf(news) }
    case 'reinstated':
      return { kind: 'reinstated', evidence: news.evidence }
    case 'refused': {
      const { category, code, elsewhere } = news
      if (news.by === 'bindery') return { ...news, references: {} }
      return { kind: 'refused', by: news.by, category, code, elsewhere, references: {} }
    }
    default:
      return news
  }
}

/** By these its status is folded. */
const timesOf = ({ validUntilMs, refreshAtMs }: { readonly validUntilMs?: number; readonly refreshAtMs?: number }) => ({
  ...(validUntilMs === undefined ? {} : { validUntilMs }),
  ...(refreshAtMs === undefined ? {} : { refreshAtMs }),
})

/**
 * A channel's own name of an event may be made of its token. What stands in its place is the same for the same event, so that one that is
 * delivered again is known again. Events of ours are ids.
 */
export function forgetEvent(of: { readonly binding: string; readonly source: string; readonly event: string }): string {
  if (!of.source.includes(':') || /^(?:opn_|forgotten:)/.test(of.event)) return of.event
  return `forgotten:${createHash('sha256').update(`${of.binding} ${of.source} ${of.event}`).digest('base64url').slice(0, 22)}`
}

export function forgetFact(row: FactRow): FactRow {
  const event = forgetEvent({ binding: row.binding, source: row.source, event: row.source_event })
  const standing = event === row.source_event ? row.standing : { ...row.standing, id: `${row.source}/${event}` }
  return { ...row, source_event: event, standing, news: forgetNews(row.news) }
}

export function forgetOwnFact(row: InstrumentFactRow): InstrumentFactRow {
  return { ...row, news: forgetOwnNews(row.news) }
}

function forgetOwnNews(news: OwnNews): OwnNews {
  switch (news.kind) {
    case 'advised':
      return {
        kind: 'advised',
        advice: news.advice,
        ...(news.about === undefined ? {} : { about: news.about }),
        ...(news.cardVersion === undefined ? {} : { cardVersion: news.cardVersion }),
      }
    case 'network_token':
      return { kind: 'network_token', status: news.status, reference: forgottenToken }
    case 'blocked':
      return { kind: 'blocked', reason: '' }
    case 'mandate_paused':
      return { kind: 'mandate_paused', binding: news.binding, reason: '' }
    default:
      return news
  }
}

/** The binding as its facts make it once they are forgotten; its status is what it was. */
export function forgetBinding(row: BindingRow, told: readonly FactRow[]): BindingRow {
  const { known } = foldBinding(told.map(forgetFact).map(asFact))
  return {
    ...row,
    token: known.token,
    names: {},
    action: row.action === null ? null : known.action,
    refusal: known.refusal,
    network_transaction_id: known.network_transaction_id,
    transaction_link_id: known.transaction_link_id,
    shown: known.shown ?? null,
    mandate: forgetMandate(mandateAfter(row.mandate, known)),
    proven_by: known.proven_by,
    valid_until: known.validUntilMs ?? null,
    asked_expiry: null,
    consent: null,
    client: null,
    return_url: null,
  }
}

/** Rail and terms are numbers and days; how the contract is called is the payer's. */
const forgetMandate = (mandate: Mandate | null): Mandate | null =>
  mandate === null || mandate.terms === null ? mandate : { ...mandate, terms: { ...mandate.terms, contract: '', description: '' } }

/** What it was carried out with is gone. `cardVersion` and the chain are numbers and ids of ours. */
export function forgetOperation(row: OperationRow): OperationRow {
  const { cardVersion, chain, adoptedBy } = row.input
  const input = {
    ...(cardVersion === undefined ? {} : { cardVersion }),
    ...(chain === undefined ? {} : { chain }),
    ...(adoptedBy === undefined ? {} : { adoptedBy }),
  }
  return { ...row, input }
}

/** Of what was shown in events and kept answers these stay, and what is in them; everything else is emptied. */
const kept: ReadonlySet<string> = new Set([
  ...['id', 'object', 'type', 'livemode', 'customer', 'instrument', 'binding', 'bindings', 'channel', 'kind', 'status', 'reasons'],
  ...['expiring', 'is_default', 'merged_into', 'created_at', 'updated_at', 'sequence', 'previous', 'corrects', 'subject', 'stage'],
  ...['default', 'before', 'because', 'from', 'moved', 'moved_to', 'dependents', 'affected', 'erasure', 'waits_for', 'orphans'],
  ...['operation', 'verb', 'erased_at', 'allow_redisplay', 'data', 'has_more'],
])

export function forgetShown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forgetShown)
  return isNamed(value) ? forgetNamed(value) : value
}

export const forgetNamed = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(value).map(([name, one]) => [name, kept.has(name) ? forgetShown(one) : empty(name, one)]))

const isNamed = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

const empty = (name: string, value: unknown): unknown => (Array.isArray(value) ? [] : name === 'metadata' ? {} : null)
