/**
 * How often a number was tried, at whichever tenants: counted here and nowhere else, since only the vault knows that two captures are one
 * number. The count rides in the commit that seals, and is held in memory from the capture on, so that asking costs no read. What leaves is
 * allow or deny, and few or many: nobody can ask whether a card is known elsewhere.
 *
 * Numbers that follow each other are counted too, by all but their last four digits: ten thousand numbers, of which a thousand pass the check
 * digit. That ten honest ones of them are tried in a day is as good as impossible; whoever counts upwards from one is done after ten.
 */
import { createHmac, type KeyObject } from 'node:crypto'
import { type Add, add, remove, type Store } from '../world/store.ts'
import { int, maybe, table, text, time } from '../world/table.ts'
import type { Mode, Seen } from '../world/world.ts'

export const sightings = table(
  'sightings',
  {
    /** Keyed, of the number or of its neighbourhood. */
    print: text(),
    /** The hour since 1970, below zero: a page begins with the newest. */
    slot: int(),
    mode: text<Mode>(),
    attempts: int(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  { key: ['print', 'slot', 'mode'], checks: { sightings_positive: row => row.attempts >= 0 } },
)

/** Tries in a day, all tenants together. In test mode fifty times as many: everybody tries the same few numbers. */
export type SightingLimits = { readonly number: number; readonly neighbours: number }
/** Mastercard's and processors' rules count tries by card and day; five is what one who mistypes needs. */
export const sightingLimits: SightingLimits = { number: 5, neighbours: 10 }
const looserInTest = 50

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Prints held in memory; the one that was asked for longest ago goes first. */
const heldMax = 100_000
const removedAtOnce = 1_000

/** `neighbours`: of a card only. */
export type Tracks = { readonly mode: Mode; readonly number: string; readonly neighbours: string | undefined }

export type Sightings = {
  /** Reads what is not held yet; called by the capture, which nobody binds with before. */
  load(tracks: Tracks): Promise<void>
  /** One more try, from now on in every answer. */
  note(tracks: Tracks): void
  /** What more may be tried, the tries that were noted included. */
  seen(tracks: Tracks): Seen
  /** What makes a try lasting, for the commit that seals. */
  writes(tracks: Tracks): readonly Add[]
  /** Forgets what no window reaches; called by a timer. */
  forget(): Promise<void>
}

const slotAt = (atMs: number): number => -Math.floor(atMs / hourMs)

export function createSightings(
  { store, now }: { readonly store: Store; now(): number },
  limits: SightingLimits = sightingLimits,
): Sightings {
  const held = new Map<string, Map<number, number>>()
  const nameOf = (print: string, mode: Mode): string => `${mode} ${print}`
  const shelf = (name: string): Map<number, number> => {
    const found = held.get(name) ?? new Map<number, number>()
    held.delete(name)
    held.set(name, found)
    for (const oldest of held.keys()) {
      if (held.size <= heldMax) break
      held.delete(oldest)
    }
    return found
  }
  const printsOf = ({ number, neighbours }: Tracks): readonly string[] => (neighbours === undefined ? [number] : [number, neighbours])
  const tries = (print: string | undefined, mode: Mode): number => {
    const oldest = slotAt(now() - dayMs)
    let sum = 0
    for (const [slot, count] of held.get(nameOf(print ?? '', mode)) ?? []) if (slot <= oldest) sum += count
    return sum
  }
  const load = async (print: string, mode: Mode): Promise<void> => {
    const name = nameOf(print, mode)
    if (held.has(name)) return
    const rows = await store.find(sightings, { print }, 2 * 26)
    if (held.has(name)) return
    const found = shelf(name)
    for (const row of rows) if (row.mode === mode) found.set(row.slot, row.attempts)
  }
  return {
    async load(tracks) {
      await Promise.all(printsOf(tracks).map(print => load(print, tracks.mode)))
    },
    note(tracks) {
      const slot = slotAt(now())
      for (const print of printsOf(tracks)) {
        const found = shelf(nameOf(print, tracks.mode))
        found.set(slot, (found.get(slot) ?? 0) + 1)
        for (const old of found.keys()) if (old > slotAt(now() - dayMs)) found.delete(old)
      }
    },
    seen({ mode, number, neighbours }) {
      const times = mode === 'test' ? looserInTest : 1
      const [of, near] = [tries(number, mode), tries(neighbours, mode)]
      const verdict = (is: boolean) => (is ? ('deny' as const) : ('allow' as const))
      return {
        number: { verdict: verdict(of > limits.number * times), tries: of >= limits.number * times ? 'many' : 'few' },
        neighbours: { verdict: verdict(near > limits.neighbours * times) },
      }
    },
    writes(tracks) {
      const slot = slotAt(now())
      const more = { create: { due_at: (1 - slot) * hourMs + dayMs, clock: null } }
      return printsOf(tracks).map(print => add(sightings, { print, slot, mode: tracks.mode }, { attempts: 1n }, more))
    },
    async forget() {
      const past = await store.due(sightings, { now: now(), clock: null, limit: removedAtOnce })
      await Promise.all(past.map(row => store.commit([remove(sightings, row)])))
    },
  }
}

/** HMAC-SHA-256 under the fingerprint key that all tenants share: 132 bits of it. `digits`: undefined where it is no card. */
export function tracksOf(key: KeyObject, mode: Mode, network: Buffer, digits: Buffer | undefined): Tracks {
  const print = (label: string, bytes: Buffer): string =>
    createHmac('sha256', key).update(`seen1|${label}|`).update(bytes).digest('base64url').slice(0, 22)
  const near = digits === undefined ? undefined : print('near', digits.subarray(0, digits.length - 4))
  return { mode, number: print('number', network), neighbours: near }
}
