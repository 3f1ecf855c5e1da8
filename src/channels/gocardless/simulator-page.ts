/** GoCardless' page, where the payer grants the mandate: two buttons, then back to `redirect_uri`, or to `exit_uri` with nothing granted. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import { drawId, fulfil, type State } from './simulator-state.ts'

const base = '/_page/flow/'
export const flowUrl = (id: string, context: SimulatorContext): string => `${context.address}${base}${id}`
export const isPage = (request: SimulatorRequest): boolean => request.path.startsWith(base)

const html = (status: number, body: string): SimulatorAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *",
  },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>GoCardless test page</title><body style="font:16px sans-serif;max-width:30em;margin:4em auto">${body}</body></html>`,
})
const go = (location: string): SimulatorAnswer => ({ status: 303, headers: { location }, body: '' })

/** The last two digits of the test account of each scheme: what the payer types here is always one of those. */
const endings: Readonly<Record<string, string>> = { sepa_core: '00', bacs: '11', ach: '56' }

export function page(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const [id = '', choice] = request.path.slice(base.length).split('/')
  const flow = state.flows.get(id)
  const wanted = flow === undefined ? undefined : state.requests.get(flow.request)
  if (flow === undefined || wanted === undefined) return html(404, '<h1>Not found</h1>')
  if (choice === undefined) return html(200, question(id, wanted.scheme))
  if (choice === 'fail') return go(flow.exitUri)
  if (choice !== 'complete') return html(404, '<h1>Not found</h1>')
  if (wanted.status === 'cancelled') return html(410, '<h1>This request was cancelled</h1>')
  // Pressed twice, the mandate is made once.
  if (wanted.status !== 'fulfilled') {
    const account = wanted.account ?? { id: drawId('BA', context), ending: endings[wanted.scheme] ?? '00', bank: 'TEST BANK' }
    const steps = Object.fromEntries(Object.keys(wanted.steps).map(name => [name, true]))
    fulfil(state, { ...wanted, account, steps }, context)
  }
  const back = new URL(flow.redirectUri)
  back.searchParams.append('outcome', 'success')
  back.searchParams.append('id', flow.id)
  return go(back.href)
}

/** `id` was found, so it is one of ours: letters and digits. */
function question(id: string, scheme: string): string {
  const button = (choice: string, text: string) =>
    `<form method="post" action="${base}${id}/${choice}"><button id="${choice}">${text}</button></form>`
  return `<h1>GoCardless test page</h1><p>Set up a ${scheme.replace('_', ' ')} mandate from the test account?</p>${button('complete', 'Set it up')}${button('fail', 'Leave')}`
}
