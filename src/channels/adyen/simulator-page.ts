/** The issuer's page of the 3-D Secure challenge: two buttons for people, two links for scripts, then back to `returnUrl` with a result. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import type { State } from './simulator-state.ts'

const base = '/_page/challenge/'
export const challengeUrl = (name: string, context: SimulatorContext): string => `${context.address}${base}${name}`
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
  const [name = '', choice] = request.path.slice(base.length).split('/')
  const challenge = state.challenges.get(name)
  const payment = challenge === undefined ? undefined : state.payments.get(challenge.psp)
  if (challenge === undefined || payment === undefined) return html(404, '<h1>Not found</h1>')
  if (choice === undefined) return html(200, question(name, payment.card.last4))
  if (choice !== 'complete' && choice !== 'fail') return html(404, '<h1>Not found</h1>')
  // Pressed twice, the first button counts.
  const result = challenge.answered ?? `X6Xtf${context.random(24).toString('base64url')}`
  if (challenge.answered === undefined) {
    state.challenges.set(name, { ...challenge, answered: result })
    state.results.set(result, { psp: challenge.psp, passed: choice === 'complete' })
  }
  const back = new URL(payment.returnUrl)
  back.searchParams.append('redirectResult', result)
  return { status: 303, headers: { location: back.href }, body: '' }
}

/** `name` was found, so it is one of ours (hex); the last four are digits. */
function question(name: string, last4: string): string {
  const at = (choice: string) => `${base}${name}/${choice}`
  const button = (choice: string, text: string) =>
    `<form method="post" action="${at(choice)}"><button id="${choice}">${text}</button></form><p><a href="${at(choice)}">${choice}</a></p>`
  return `<h1>3-D Secure test page</h1><p>The bank of the card ending ${last4} wants to know that it is you.</p>${button('complete', 'Complete')}${button('fail', 'Fail')}`
}
