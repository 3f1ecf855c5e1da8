/** The bank's page of the 3-D Secure challenge: two buttons for people, two links for scripts, then back to `return_url`. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import type { Ledger } from './simulator-state.ts'

const html = (status: number, body: string): SimulatorAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *",
  },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>3-D Secure test page</title><body style="font:16px sans-serif;max-width:30em;margin:4em auto">${body}</body></html>`,
})

const secretOf = (request: SimulatorRequest) => new URLSearchParams(request.query).get('secret') ?? ''

export function challengePage(ledger: Ledger, id: string, request: SimulatorRequest): SimulatorAnswer {
  const intent = ledger.intents.get(id)
  if (intent === undefined || intent.secret !== secretOf(request)) return html(404, '<h1>Not found</h1>')
  const method = ledger.methods.get(intent.method ?? '')
  const at = (choice: string) => `/_page/challenge/${id}/${choice}?secret=${intent.secret}`
  const button = (choice: string, text: string) =>
    `<form method="post" action="${at(choice)}"><button id="${choice}">${text}</button></form><p><a href="${at(choice)}">${choice}</a></p>`
  return html(
    200,
    `<h1>3-D Secure test page</h1><p>The bank of the card ending ${method?.last4 ?? ''} wants to know that it is you.</p>${button('complete', 'Complete')}${button('fail', 'Fail')}`,
  )
}

export function finishChallenge(
  ledger: Ledger,
  id: string,
  passed: boolean,
  request: SimulatorRequest,
  context: SimulatorContext,
): SimulatorAnswer {
  const intent = ledger.intents.get(id)
  if (intent === undefined || intent.secret !== secretOf(request)) return html(404, '<h1>Not found</h1>')
  const done = ledger.finishChallenge(id, passed, context)
  if (intent.returnUrl === undefined) return html(200, '<h1>You may close this page</h1>')
  const back = new URL(intent.returnUrl)
  back.searchParams.set('setup_intent', id)
  back.searchParams.set('setup_intent_client_secret', intent.secret)
  back.searchParams.set('redirect_status', done.status === 'succeeded' ? 'succeeded' : 'failed')
  return { status: 303, headers: { location: back.href }, body: '' }
}
