/** PayPal's page where the payer agrees: two buttons for people, two links for scripts, then back to the merchant. */
import type { SimulatorAnswer, SimulatorRequest } from '../simulator.ts'
import type { Ledger } from './simulator-state.ts'

const html = (status: number, body: string): SimulatorAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *",
  },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>PayPal test page</title><body style="font:16px sans-serif;max-width:30em;margin:4em auto">${body}</body></html>`,
})

const sessionOf = (request: SimulatorRequest) => new URLSearchParams(request.query).get('approval_session_id') ?? ''

export function approvalPage(ledger: Ledger, request: SimulatorRequest): SimulatorAnswer {
  const setup = ledger.setups.get(sessionOf(request))
  if (setup === undefined) return html(404, '<h1>Not found</h1>')
  const at = (choice: string) => `/_page/agreements/${choice}?approval_session_id=${setup.id}`
  const button = (choice: string, text: string) =>
    `<form method="post" action="${at(choice)}"><button id="${choice}">${text}</button></form><p><a href="${at(choice)}">${choice}</a></p>`
  return html(
    200,
    `<h1>PayPal test page</h1><p>May the merchant be paid with PayPal from now on?</p>${button('complete', 'Agree and continue')}${button('fail', 'Cancel')}`,
  )
}

export function finishApproval(ledger: Ledger, agreed: boolean, request: SimulatorRequest): SimulatorAnswer {
  const id = sessionOf(request)
  const setup = ledger.setups.get(id)
  if (setup === undefined) return html(404, '<h1>Not found</h1>')
  const back = new URL(agreed ? ledger.approve(id).returnUrl : setup.cancelUrl)
  // The names paypal-android reads from the way back (PayPalWebVaultLauncher).
  back.searchParams.set('approval_token_id', id)
  back.searchParams.set('approval_session_id', id)
  return { status: 303, headers: { location: back.href }, body: '' }
}
