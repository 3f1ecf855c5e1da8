/** What stands on the portal's pages. Every text that is not ours is escaped. */
import type { Problem } from '../core/problem.ts'
import { escaped, html } from '../http/html.ts'
import type { viewForClient } from '../sessions/view.ts'
import type { Held } from './act.ts'
import type { LinkRow, Right } from './tables.ts'

export const messages = ['default', 'unbind', 'replace'] as const
export type Message = (typeof messages)[number]
const said: Readonly<Record<Message, string>> = {
  default: 'Your default has been changed.',
  unbind: 'It has been removed, and can no longer be charged.',
  replace: 'Your replacement is being set up.',
}

type Shown = ReturnType<typeof viewForClient>
type On = { readonly link: LinkRow; readonly token: string; readonly csrf: string }

type Listing = On & { readonly held: readonly Held[]; readonly message: Message | undefined }

export function listPage(of: Listing): string {
  const { link, held, message } = of
  const told = message === undefined ? '' : `<p class="said" role="status">${said[message]}</p>`
  const none = link.may.includes('list') ? 'You have no saved payment methods.' : 'This link shows no payment methods.'
  const list = held.length === 0 ? `<p>${none}</p>` : `<ul class="held">${held.map(one => item(of, one)).join('')}</ul>`
  return sheet('Payment methods', `${told}${list}<p><a href="${escaped(link.return_url)}">Back to the shop</a></p>`)
}

function item(of: Listing, { shown, preferred }: Held): string {
  const title = titleOf(shown)
  const notes = [
    ...(preferred ? ['<strong class="mark">Default</strong>'] : []),
    ...(shown.expiring ? ['<span class="mark">Expires soon</span>'] : []),
    `<span>${stateOf(shown.status)}</span>`,
    ...(endOf(shown) === '' ? [] : [`<span>${endOf(shown)}</span>`]),
  ]
  const may = (right: Right) => of.link.may.includes(right)
  const about = `aria-label="${escaped(title)}"`
  const actions = [
    ...(may('set_default') && !preferred && shown.status === 'active' ? [button(of, 'default', shown.id, 'Make default')] : []),
    ...(may('replace') ? [button(of, 'replace', shown.id, 'Replace')] : []),
    ...(may('unbind') ? [`<a class="button quiet" href="/portal/${of.token}/unbind/${shown.id}">Remove</a>`] : []),
  ]
  const row = actions.length === 0 ? '' : `<div class="actions" role="group" ${about}>${actions.join('')}</div>`
  return `<li><h2>${escaped(title)}</h2><p class="notes">${notes.join(' ')}</p>${row}</li>`
}

export function confirmPage(of: On & { readonly shown: Shown; readonly dependents: readonly string[] }): string {
  const { shown, dependents } = of
  const list = dependents.map(one => `<li>${escaped(one)}</li>`).join('')
  const warning = dependents.length === 0 ? '' : `<p>These are paid with it, and will need another payment method:</p><ul>${list}</ul>`
  const stay = `<a class="button quiet" href="/portal/${of.token}">Keep it</a>`
  return sheet(
    'Remove a payment method',
    `<h2>${escaped(titleOf(shown))}</h2><p>It can no longer be charged once you have removed it.</p>${warning}<div class="actions">${button(of, 'unbind', shown.id, 'Remove it')}${stay}</div>`,
  )
}

const advice: Readonly<Record<number, string>> = {
  401: 'This link has expired or is not valid. Ask for a new one where you got it.',
  404: 'This payment method is not there any more.',
}
export const problemPage = (problem: Problem): string =>
  sheet('That did not work', `<p>${escaped(advice[problem.status] ?? `${problem.detail}.`)}</p>`)

/** A form with one button; the address has the link's own token, which has no character that would need escaping. */
const button = ({ token, csrf }: On, action: Message, id: string, label: string): string =>
  `<form method="post" action="/portal/${token}/${action}"><input type="hidden" name="csrf" value="${csrf}"><input type="hidden" name="id" value="${id}"><button>${label}</button></form>`

const sheet = (title: string, main: string): string => String(html(title, `<main class="portal"><h1>${title}</h1>${main}</main>`).body)

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1).replaceAll('_', ' ')

function titleOf({ kind, card, account }: Shown): string {
  const last4 = card?.last4 ?? account?.last4 ?? null
  const name = card === null ? (account?.bank ?? account?.scheme ?? kind) : (card.brand ?? kind)
  const device = card === null || card.wallet === null ? '' : ` in ${capital(card.wallet)}`
  const number = last4 === null ? (account?.handle ?? '') : `•••• ${last4}`
  return `${capital(name)}${number === '' ? '' : ` ${number}`}${device}`
}

function endOf({ card }: Shown): string {
  if (card === null || card.expiry_month === null || card.expiry_year === null) return ''
  return `Expires ${String(card.expiry_month).padStart(2, '0')}/${card.expiry_year}`
}

const states: Readonly<Record<string, string>> = {
  active: 'Ready to use',
  pending: 'Being set up',
  suspended: 'Paused by your bank',
  expired: 'Expired',
  blocked: 'Blocked',
}
const stateOf = (status: string): string => states[status] ?? ''
