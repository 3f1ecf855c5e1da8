/**
 * Time and chance of a simulated world. Everything that waits waits here; one seed decides what goes on next, so a run replays exactly.
 * Nothing in it reads the real clock.
 */
export type Scheduler = {
  /** Virtual Unix milliseconds. */
  now(): number
  /** 0 ≤ x < 1. */
  chance(): number
  /** A whole number from 0 to below `bound`. */
  pick(bound: number): number
  one<T>(of: readonly T[]): T
  random(count: number): Buffer
  /** Resolves `ms` later, among everything else that is due then in an order drawn by chance. */
  sleep(ms: number): Promise<void>
  /** Work that threads outside do (WebCrypto): time stands still until it is done, or a seed would not replay. */
  outside<T>(work: () => Promise<T>): Promise<T>
  /** Runs until nothing waits, or `until` says so; returns how many steps it took. */
  run(until: () => boolean, endMs: number): Promise<number>
}

type Waiting = { readonly at: number; readonly order: number; readonly go: () => void }

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, good enough to choose what happens next. Never for secrets. */
export function createChance(seed: number): () => number {
  let a = 0x9e3779b9 ^ seed
  let b = 0x243f6a88
  let c = (seed * 2654435761) >>> 0
  let counter = 1
  const draw = () => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 15; i += 1) draw()
  return draw
}

export function createScheduler(seed: number, startMs: number): Scheduler {
  const chance = createChance(seed)
  const waiting = createHeap()
  let now = startMs
  let pending = 0
  const pick = (bound: number) => Math.floor(chance() * bound)
  return {
    now: () => Math.floor(now),
    chance,
    pick,
    one: of => {
      const found = of[pick(of.length)]
      if (found === undefined) throw new TypeError('nothing to choose from')
      return found
    },
    random: count => {
      const bytes = Buffer.allocUnsafe(count)
      for (let i = 0; i < count; i += 1) bytes[i] = pick(256)
      return bytes
    },
    sleep: ms => new Promise(go => waiting.push({ at: now + ms, order: chance(), go })),
    outside: async work => {
      pending += 1
      try {
        return await work()
      } finally {
        pending -= 1
      }
    },
    run: async (until, endMs) => {
      let steps = 0
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (next.at > endMs) {
          waiting.push(next)
          return steps
        }
        now = Math.max(now, next.at)
        next.go()
        // Lets everything that this set going run until it waits again.
        do await new Promise(resolve => setImmediate(resolve))
        while (pending > 0)
        steps += 1
        if (until()) return steps
      }
      return steps
    },
  }
}

function createHeap(): { push(one: Waiting): void; pop(): Waiting | undefined } {
  const list: Waiting[] = []
  const before = (i: number, j: number): boolean => {
    const a = list[i]
    const b = list[j]
    return a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))
  }
  const swap = (i: number, j: number) => {
    const a = list[i]
    const b = list[j]
    if (a === undefined || b === undefined) return
    list[i] = b
    list[j] = a
  }
  return {
    push(one) {
      list.push(one)
      for (let i = list.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1
        if (!before(i, parent)) break
        swap(i, parent)
        i = parent
      }
    },
    pop() {
      const top = list[0]
      const last = list.pop()
      if (top === undefined || last === undefined || list.length === 0) return top
      list[0] = last
      for (let i = 0; ; ) {
        const left = 2 * i + 1
        const least = before(left + 1, left) ? left + 1 : left
        if (!before(least, i)) return top
        swap(i, least)
        i = least
      }
    },
  }
}
