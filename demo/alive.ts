/** What becomes of an instrument after it is bound: years pass on a test clock, and somebody relies on what is given up. */
import { z } from 'zod'
import { type Caller, type Instrument, instrumentShape, say, show, title, until } from './steps.ts'

/** Binds a card for this customer at Stripe. */
export type Bind = (customer: string, number: string) => Promise<Instrument>
const named = z.object({ id: z.string() })

export async function yearsPass(caller: Caller, bind: Bind): Promise<void> {
  title('9. Years pass, on a test clock')
  const clock = named.parse(await caller.post('/v1/test_clocks', { now: '2029-11-01T00:00:00Z' }))
  const customer = named.parse(await caller.post('/v1/customers', { reference: 'grace', clock: clock.id }))
  const card = await bind(customer.id, '4000056655665556')
  const shape = z.object({ steps: z.array(z.object({ at: z.string(), what: z.string(), outcome: z.string() })) })
  const { steps } = shape.parse(await caller.post(`/v1/test_clocks/${clock.id}/advance`, { to: '2030-06-01T00:00:00Z' }))
  for (const { at, what, outcome } of steps) say(`${at.slice(0, 10)}  ${what.padEnd(20)} it is ${outcome}`)
  const now = instrumentShape.parse(await caller.get(`/v1/instruments/${card.id}`))
  show(
    `45 days before its end it was announced, and with its month in its issuer's zone the card is ${now.status}`,
    now.status === 'expired' && steps.map(one => one.what).join() === 'instrument.expiring,instrument.lapsed',
  )
}

export async function reliedOn(caller: Caller, customer: string, bind: Bind): Promise<void> {
  title('10. A subscription relies on a card that is given up')
  const [old, next] = [await bind(customer, '5555555555554444'), await bind(customer, '5200828282828210')]
  await caller.post(`/v1/instruments/${old.id}/dependents`, { reference: 'sub-1', kind: 'subscription', title: 'The daily paper' })
  const gone = instrumentShape.parse(await caller.post(`/v1/instruments/${old.id}/unbind`, { replacement: next.id }))
  const shape = z.object({ data: z.array(z.object({ reference: z.string() })) })
  const { data } = shape.parse(await caller.get(`/v1/instruments/${next.id}/dependents`))
  show(
    `the old card is ${gone.status}, and the subscription relies on the new one`,
    gone.status === 'replaced' && data[0]?.reference === 'sub-1',
  )
  const erasure = z.object({ stage: z.string() })
  await caller.post(`/v1/instruments/${old.id}/erase`, undefined)
  const stage = await until('the erasure', async () => {
    const now = erasure.parse(await caller.get(`/v1/instruments/${old.id}/erasure`)).stage
    return now === 'erased' ? now : undefined
  })
  show(`it is erased on request: revoked at its channel, its keys destroyed, what was known of it taken out (${stage})`, stage === 'erased')
}
