/**
 * The issuer's pages of 3-D Secure: the challenge has two buttons for people and two links for scripts, the method URL (`…/method`) asks
 * nothing; then back to `returnUrl` with a result. A frame inside the page would tell its parent instead, which a script cannot see.
 */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import type { State } from './simulator-state.ts'
import { fingerprintResult, resultOf } from './three-ds-result.ts'

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
  if (choice === 'method') return toBrowser(payment.returnUrl, 'three_ds_result', fingerprintResult)
  if (choice === undefined) return html(200, question(name, payment.means.last4))
  if (choice !== 'complete' && choice !== 'fail') return html(404, '<h1>Not found</h1>')
  // Pressed twice, the first button counts.
  const passed = choice === 'complete'
  const native = challenge.stage === 'native'
  const made = native ? resultOf(name, passed) : `X6Xtf${context.random(24).toString('base64url')}`
  const result = challenge.answered ?? made
  if (challenge.answered === undefined) {
    state.challenges.set(name, { ...challenge, answered: result })
    state.results.set(result, { psp: challenge.psp, passed })
  }
  return toBrowser(payment.returnUrl, native ? 'three_ds_result' : 'redirectResult', result)
}

function toBrowser(returnUrl: string, name: string, value: string): SimulatorAnswer {
  const back = new URL(returnUrl)
  back.searchParams.append(name, value)
  return { status: 303, headers: { location: back.href }, body: '' }
}

/** `name` was found, so it is one of ours (hex); the last four are digits. */
function question(name: string, last4: string): string {
  const at = (choice: string) => `${base}${name}/${choice}`
  const button = (choice: string, text: string) =>
    `<form method="post" action="${at(choice)}"><button id="${choice}">${text}</button></form><p><a href="${at(choice)}">${choice}</a></p>`
  return `<h1>3-D Secure test page</h1><p>The bank of the card ending ${last4} wants to know that it is you.</p>${button('complete', 'Complete')}${button('fail', 'Fail')}`
}
