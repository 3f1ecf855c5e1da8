/** What a layer answers, and what several answers come to. Pure: a layer reads counted evidence and limits, and says what follows and why. */

/**
 * From mild to strict: let through · make it wait · let the browser work or a person show that it is one · have the customer prove to be the
 * owner at the issuer · refuse.
 */
export const verdicts = ['allow', 'delay', 'proof', 'step_up', 'deny'] as const
export type Verdict = (typeof verdicts)[number]

/** What was counted beside what may be. `what`: in the layer's own words. */
export type Reason = { readonly what: string; readonly counted: number; readonly limit: number }
export type Finding = { readonly layer: LayerName; readonly verdict: Verdict; readonly reasons: readonly Reason[] }

export const layerNames = [
  'kill_switch',
  'customer',
  'linking',
  'device',
  'address',
  'subnet',
  'autonomous_system',
  'bin',
  'fingerprint',
  'tenant',
  'network',
  'code',
] as const
export type LayerName = (typeof layerNames)[number]

const rank = (verdict: Verdict): number => verdicts.indexOf(verdict)
export const stricter = (one: Verdict, other: Verdict): Verdict => (rank(one) >= rank(other) ? one : other)
export const atLeast = (one: Verdict, other: Verdict): boolean => rank(one) >= rank(other)

/** The strictest of all findings decides; those that let through say nothing. */
export function decide(findings: readonly Finding[]): { readonly verdict: Verdict; readonly findings: readonly Finding[] } {
  const told = findings.filter(one => one.verdict !== 'allow')
  return { verdict: told.reduce<Verdict>((most, one) => stricter(most, one.verdict), 'allow'), findings: told }
}

/** A rule of a layer: passed when every part of it is. */
export type Rule = { readonly verdict: Verdict; readonly when: readonly Reason[] }

/** The strictest rule whose every part has reached its limit; `reasons` are its parts. */
export function judge(layer: LayerName, rules: readonly Rule[]): Finding {
  const met = rules.filter(one => one.when.every(part => part.counted >= part.limit))
  const verdict = met.reduce<Verdict>((most, one) => stricter(most, one.verdict), 'allow')
  return { layer, verdict, reasons: met.find(one => one.verdict === verdict)?.when ?? [] }
}
