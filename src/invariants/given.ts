/** What a question knows beside the tables: the time, how late is late, and what the tables of the code say. */
import { currencies } from '../core/currency.ts'
import { bindingLifecycle } from '../instruments/binding.ts'
import type { Given } from '../world/invariant.ts'

/** Five minutes: what a teller's clock may differ by (instruments/fact.ts). */
const skewMs = 5 * 60_000
/** Twice a lease (instruments/operation.ts): whoever took it and died is replaced after one. */
const lateMs = 2 * 60_000

/** What the tables of the code say, for questions that compare rows with them. */
const known = {
  edges: Object.fromEntries(
    bindingLifecycle.states.map(state => [
      state,
      Object.fromEntries(
        bindingLifecycle.edges.flatMap(({ on, from, to }) => (from.some(one => one === state) && to !== 'same' ? [[on, to] as const] : [])),
      ),
    ]),
  ),
  kinds: [...new Set(bindingLifecycle.edges.map(edge => edge.on))],
  currencies: Object.fromEntries(currencies),
}

export const given = (of: Pick<Given, 'now' | 'customersMax' | 'since'>): Given => ({ skewMs, lateMs, known, ...of })
