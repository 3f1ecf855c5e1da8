/** The bank's page for a card whose bank takes no password elsewhere: two buttons, then back to `callback_url`. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import { fail, pay } from './simulator-payments.ts'
import type { State } from './simulator-state.ts'

const base = '/_page/bank/'
export const pageUrl = (payment: string, context: Pick<SimulatorContext, 'address'>): string => `${context.address}${base}${payment}`
export const isPage = (request: SimulatorRequest): boolean => request.path.startsWith(base)

const html = (status: number, body: string): SimulatorAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *",
  },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>Bank test page</title><body style="font:16px sans-serif;max-width:30em;margin:4em auto">${body}</body></html>`,
})

export function page(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const [id = '', choice] = request.path.slice(base.length).split('/')
  const payment = state.payments.get(id)
  if (payment?.card === undefined) return html(404, '<h1>Not found</h1>')
  if (choice === undefined) return html(200, question(id, payment.card.last4))
  if (request.method !== 'POST' || (choice !== 'complete' && choice !== 'fail')) return html(404, '<h1>Not found</h1>')
  if (payment.status === 'created') {
    if (choice === 'complete') pay(state, payment, context)
    else fail(state, payment, 'authentication_failed', context)
  }
  const back = new URL(payment.callback)
  back.searchParams.append('razorpay_payment_id', id)
  back.searchParams.append('razorpay_order_id', payment.order)
  return { status: 303, headers: { location: back.href }, body: '' }
}

function question(id: string, last4: string): string {
  const button = (choice: string, text: string) =>
    `<form method="post" action="${base}${id}/${choice}"><button id="${choice}">${text}</button></form>`
  return `<h1>Bank test page</h1><p>₹1 with the card ending ${last4}, and a mandate for later.</p>${button('complete', 'Success')}${button('fail', 'Failure')}`
}
