/**
 * The limits of every layer, with what a tenant may make of them: between `least` and `free` as it likes, up to `most` with a reason that is
 * kept. Sources: reliability page of the card brands' and processors' own guidance, see docs/safeguards.md.
 */
import type { LayerName } from './decision.ts'

export type Limit = {
  readonly default: number
  readonly least: number
  readonly free: number
  readonly most: number
  readonly about: string
}
const limit = (about: string, standard: number, least: number, free: number, most: number): Limit => ({
  about,
  default: standard,
  least,
  free,
  most,
})

export const limits = {
  customer: {
    // Radar rules in the field: more than 3 an hour, 5 a day, 8 a week.
    proof_per_hour: limit('tries in an hour before the browser has to work', 3, 1, 10, 100),
    step_up_per_day: limit('tries in a day before the issuer has to ask the customer', 5, 2, 20, 500),
    deny_per_day: limit('tries in a day before more are refused', 12, 3, 40, 1_000),
    deny_per_week: limit('tries in seven days before more are refused', 20, 3, 80, 5_000),
  },
  linking: {
    // Reference of the field: ten living ones to a customer.
    step_up_held: limit('living instruments from which the issuer has to ask before another is added', 10, 2, 50, 500),
    deny_held: limit('living instruments from which more are refused', 30, 3, 100, 1_000),
  },
  device: {
    proof_per_hour: limit('tries in an hour before the browser has to work', 5, 1, 15, 200),
    deny_per_hour: limit('tries in an hour before more are refused', 10, 2, 30, 500),
    deny_declines_per_day: limit('declines in a day before more is refused', 10, 3, 30, 500),
  },
  address: {
    // Card brands' advice: five authorisations an address; 5 errors, then an hour's block.
    proof_per_ten_minutes: limit('tries in ten minutes before the browser has to work', 10, 2, 40, 1_000),
    deny_declines_per_hour: limit('declines in an hour, if most tries are declined, before more is refused', 5, 3, 20, 500),
    deny_declined_pct: limit('of a hundred tries, so many declines are most', 60, 30, 80, 95),
    deny_many_declines_per_hour: limit('declines in an hour, if many tries are declined, before more is refused', 30, 10, 100, 1_000),
  },
  subnet: {
    proof_per_ten_minutes: limit('tries in ten minutes before the browser has to work', 60, 10, 200, 10_000),
    deny_declines_per_hour: limit('declines in an hour, if most tries are declined, before more is refused', 15, 5, 60, 1_000),
    deny_declined_pct: limit('of a hundred tries, so many declines are most', 60, 30, 80, 95),
  },
  autonomous_system: {
    proof_per_ten_minutes: limit('tries in ten minutes, if most are declined, before the browser has to work', 200, 20, 1_000, 50_000),
    proof_declined_pct: limit('of a hundred tries, so many declines are most', 60, 30, 80, 95),
  },
  bin: {
    proof_declines_per_hour: limit('declines in an hour, if half the tries are declined, before the browser has to work', 8, 3, 30, 1_000),
    deny_declines_per_hour: limit('declines in an hour, if most tries are declined, before more is refused', 12, 4, 50, 2_000),
    deny_declines_per_day: limit('declines in a day, if most tries are declined, before more is refused', 20, 8, 100, 5_000),
    deny_declines_per_week: limit('declines in seven days, if most tries are declined, before more is refused', 30, 10, 150, 10_000),
    deny_declined_pct: limit('of a hundred tries, so many declines are most', 60, 30, 80, 95),
    // Two in a hundred guessed numbers are live: 240 answers tell fewer than five.
    deny_always_per_day: limit('declines in a day before more is refused, unless three usual days have as many', 240, 50, 500, 20_000),
    proof_times_usual: limit('times its usual hour, from 20 tries on, before the browser has to work', 8, 3, 30, 200),
  },
  fingerprint: {
    step_up_at_many: limit('1: a number that was tried nearly as often as may be is asked for by its issuer', 1, 0, 1, 1),
  },
  tenant: {
    proof_tries: limit('tries in a quarter of an hour from which its declines are looked at', 200, 50, 500, 20_000),
    proof_declined_pct: limit('of a hundred tries, so many declines mean an attack', 35, 15, 50, 95),
  },
  network: {
    tenants: limit('tenants at which one device or subnet was declined in a day', 3, 2, 5, 20),
    deny_declines_per_day: limit('declines there in a day, if most tries are declined, before more is refused', 10, 4, 30, 1_000),
    deny_declined_pct: limit('of a hundred tries, so many declines are most', 50, 30, 80, 95),
  },
  code: {
    // One-time passwords: five tries in ten minutes.
    tries: limit('typed codes for one challenge', 5, 3, 8, 12),
  },
} as const satisfies Partial<Record<LayerName, Readonly<Record<string, Limit>>>>

export type TunableLayer = keyof typeof limits
export const isTunable = (name: string): name is TunableLayer => Object.hasOwn(limits, name)
export type LimitsOf<L extends TunableLayer> = { readonly [K in keyof (typeof limits)[L]]: number }
/** What holds for one tenant and mode. `off`: layers that say nothing. */
export type Policy = { readonly [L in TunableLayer]: LimitsOf<L> } & { readonly off: ReadonlySet<string> }
