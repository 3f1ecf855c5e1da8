/** The wallet's page: what the customer sees on the way, with two buttons. One for browsers that go back, one for a phone that scanned. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import { type Agreement, approve, find, type State } from './simulator-state.ts'

const base = '/_page/'
export const pageUrl = (kind: 'wallet' | 'scan', name: string, context: Pick<SimulatorContext, 'address'>): string =>
  `${context.address}${base}${kind}/${name}`
export const isPage = (request: SimulatorRequest): boolean => request.path.startsWith(base)

const html = (status: number, body: string): SimulatorAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *",
  },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>Wallet test page</title><body style="font:16px sans-serif;max-width:30em;margin:4em auto">${body}</body></html>`,
})

export function page(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const [kind = '', name = '', choice] = request.path.slice(base.length).split('/')
  const agreement = find(state, one => one.name === name)
  if (agreement === undefined || (kind !== 'wallet' && kind !== 'scan')) return html(404, '<h1>Not found</h1>')
  if (choice === undefined) return html(200, question(kind, agreement))
  if (request.method !== 'POST' || (choice !== 'complete' && choice !== 'fail')) return html(404, '<h1>Not found</h1>')
  const now = choice === 'complete' ? approve(state, agreement, context) : agreement
  return kind === 'scan' ? scanned(now) : back(now)
}

/** "The wallet redirects the user back to a redirection URL that is reconstructed with authRedirectUrl, authCode and authState." Who turns back brings no code. */
function back({ redirectUrl, authCode, authState }: Agreement): SimulatorAnswer {
  const to = new URL(redirectUrl)
  if (authCode !== undefined) to.searchParams.append('authCode', authCode)
  to.searchParams.append('authState', authState)
  return { status: 303, headers: { location: to.href }, body: '' }
}

/** A phone that scanned a code goes nowhere (docs.antom.com/ac/scan_to_bind_en/authorization); the notification brings the code. */
const scanned = ({ authCode, authState }: Agreement): SimulatorAnswer =>
  html(
    200,
    authCode === undefined
      ? '<h1>Not agreed</h1>'
      : `<h1>Agreed</h1><p data-code="${authCode}" data-state="${authState}">Go on at the shop.</p>`,
  )

/** The name was found, so it is one of ours (letters and digits); so is the wallet's. */
function question(kind: string, { name, wallet }: Agreement): string {
  const button = (choice: string, text: string) =>
    `<form method="post" action="${base}${kind}/${name}/${choice}"><button id="${choice}">${text}</button></form>`
  return `<h1>${wallet.code} test page</h1><p>A shop wants to take payments from this wallet.</p>${button('complete', 'Agree')}${button('fail', 'Not now')}`
}
