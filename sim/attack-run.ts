/** Runs one attack with its layers and without, and holds what came of it against the limits. */
import { createCrowd } from './attack-people.ts'
import { createArena, issuerOf, type Off } from './attack-world.ts'
import type { Attack, Seen, Size } from './attacks.ts'
import { distinguishable } from './classifier.ts'

export type Line = {
  readonly attack: string
  /** Of a hundred numbers (or codes) tried, so many were learned. */
  readonly valid_answers_pct: number
  /** Tries that the issuer answered, at whatever was attacked (a range, a card) and got most. */
  readonly stopped_after: number
  /** In seconds from its first to its last answered try. */
  readonly stopped_after_seconds: number
  readonly false_blocks_pct: number
  readonly without_layer_pct: number
  readonly layers: readonly string[]
  readonly tried: number
  readonly learned: number
  readonly people: number
  /** Of a hundred visits, so many browsers had to work. */
  readonly worked_pct: number
  /** Of who tells our refusals from the issuer's; 0.5 is guessing. */
  readonly auc?: number
  readonly auc_without?: number
  readonly passed_limits: readonly string[]
}

export type Options = { readonly seed: number; readonly size: Size; readonly people: number }

const limits = { valid: 0.1, tries: 50, seconds: 60, falseBlocks: 0.5, auc: 0.55, perBinAndDay: 5 } as const

export async function runAttack(attack: Attack, options: Options): Promise<Line> {
  const within = await run(attack, options, [])
  // People add nothing to what the attacker learns without the layer.
  const without = await run(attack, { ...options, people: Math.min(200, options.people) }, attack.layers)
  const { seen, told } = within
  const most = [...seen.answered].toSorted(([, one], [, other]) => other - one)[0]
  const isOracle = seen.refusals.length > 0
  const valid = isOracle ? hiddenLearned(seen) : pct(seen.learned, seen.tried)
  const bare = isOracle ? hiddenLearned(without.seen) : pct(without.seen.learned, without.seen.tried)
  const line = {
    attack: attack.name,
    valid_answers_pct: valid,
    stopped_after: most?.[1] ?? 0,
    stopped_after_seconds: Math.round((seen.stopped.get(most?.[0] ?? '') ?? 0) / 1_000),
    false_blocks_pct: pct(told.blocked, told.visits),
    without_layer_pct: bare,
    layers: attack.layers,
    tried: seen.tried,
    learned: seen.learned,
    people: told.visits,
    worked_pct: pct(told.worked, told.visits),
    ...(isOracle ? { auc: oracle(seen), auc_without: oracle(without.seen) } : {}),
  }
  return { ...line, passed_limits: passed(line, attack) }
}

function passed(line: Omit<Line, 'passed_limits'>, { name, spanMs, digits }: Attack): readonly string[] {
  const slow = name === 'low_and_slow'
  const days = spanMs / 86_400_000
  const out: string[] = []
  if (line.valid_answers_pct > limits.valid) out.push('valid_answers_pct')
  if (!slow && line.stopped_after > limits.tries && line.stopped_after_seconds > limits.seconds) out.push('stopped_after')
  if (slow && line.learned / days > limits.perBinAndDay) out.push('learned per range and day')
  if (line.false_blocks_pct > limits.falseBlocks) out.push('false_blocks_pct')
  // Codes of three digits are right once in a thousand; half of that is an attack that goes well.
  if (line.without_layer_pct <= (digits === undefined ? limits.valid : limits.valid / 2)) out.push('without_layer_pct')
  if (line.auc !== undefined && line.auc > limits.auc) out.push('auc')
  return out
}

async function run({ tenants: count, issuer, spanMs, act }: Attack, { seed, size, people }: Options, off: readonly Off[]) {
  const crowd = createCrowd(people)
  const tenants = Array.from({ length: count }, (_, i) => `ten_${String(i).padStart(26, '0')}`)
  const arena = await createArena({ seed, off, tenants }, issuerOf(crowd.honest, issuer))
  const { scheduler } = arena
  const seen: Seen = { tried: 0, learned: 0, answered: new Map(), began: new Map(), stopped: new Map(), refusals: [] }
  let done = false
  const everything = Promise.all([
    crowd.live(arena, tenants, spanMs),
    scheduler.sleep(spanMs / 4).then(() => act(arena, seen, tenants, size)),
  ])
  const failed = everything.then(
    () => {
      done = true
      return undefined
    },
    (error: unknown) => {
      done = true
      return error
    },
  )
  await scheduler.run(() => done, scheduler.now() + 60 * 86_400_000)
  const error = await failed
  if (error !== undefined) throw error
  return { seen, told: crowd.told }
}

const pct = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((100_000 * part) / whole) / 1_000)

const oracle = ({ refusals }: Seen): number =>
  Math.round(1_000 * distinguishable(refusals.map(one => ({ label: one.ours, text: one.text, ms: one.ms })))) / 1_000

/**
 * What the attacker learns of who pays here: it takes for known whatever is answered faster than a bound that it found on one half, best for
 * hits less false alarms, and what it gains on the other half counts.
 */
function hiddenLearned({ refusals, tried }: Seen): number {
  const fresh = refusals.filter(one => one.hidden || !one.ours)
  const train = fresh.filter((_, i) => i % 2 === 0)
  const test = fresh.filter((_, i) => i % 2 === 1)
  const gain = (of: typeof fresh, boundMs: number): number =>
    of.reduce((sum, one) => sum + (one.ms < boundMs ? (one.hidden ? 1 : -1) : 0), 0)
  const bound = train.map(one => one.ms).reduce((best, ms) => (gain(train, ms) > gain(train, best) ? ms : best), 0)
  return pct(2 * Math.max(0, gain(test, bound)), tried)
}
