/** The issuer's page of 3-D Secure: two buttons, then back to the merchant with `cko-session-id`. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import { conclude, type Payment, type State } from './simulator-state.ts'

const base = '/_page/3ds/'
export const pageUrl = (session: string, { address }: SimulatorContext): string => `${address}${base}${session}`
export const isPage = (request: SimulatorRequest): boolean => request.path.startsWith(base)

const html = (status: number, body: string): SimulatorAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *",
  },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>3-D Secure test page</title><body style="font:16px sans-serif;max-width:30em;margin:4em auto">${body}</body></html>`,
})

export function page(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const [session = '', choice] = request.path.slice(base.length).split('/')
  const payment = [...state.payments.values()].find(one => one.session === session && one.threeDs)
  if (payment === undefined) return html(404, '<h1>Not found</h1>')
  if (choice === undefined) return payment.challenged ? html(200, question(payment)) : end(state, payment, true, context)
  if (request.method !== 'POST' || (choice !== 'complete' && choice !== 'fail')) return html(404, '<h1>Not found</h1>')
  return end(state, payment, choice === 'complete', context)
}

/** "Cardholder failed 3DS authentication": 20151. Pressed twice, the first button counts. */
function end(state: State, payment: Payment, passed: boolean, context: SimulatorContext): SimulatorAnswer {
  const ended = payment.status === 'Pending' ? conclude(state, payment, passed ? payment.code : '20151', context) : payment
  const back = new URL(ended.status === 'Card Verified' ? payment.back.success : payment.back.failure)
  back.searchParams.append('cko-session-id', payment.session)
  return { status: 303, headers: { location: back.href }, body: '' }
}

function question({ session, card }: Payment): string {
  const button = (choice: string, text: string) =>
    `<form method="post" action="${base}${session}/${choice}"><button id="${choice}">${text}</button></form>`
  return `<h1>3-D Secure test page</h1><p>The bank of the card ending ${card.last4} wants to know that it is you.</p>${button('complete', 'Complete')}${button('fail', 'Fail')}`
}
