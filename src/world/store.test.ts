/** Any commits whatever: both stores give the same answers and end with the same rows, one after the other and all at once. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { createMemoryStore, type MemoryStore } from './memory.ts'
import type { PostgresStore } from './postgres.ts'
import { counters, notes, parents, suiteSql, suiteTables, thing, things } from './store.suite.ts'
import type { Add, Committed, Store, Write } from './store.ts'
import { type StoreDatabase, storeDatabase } from './testing-store.ts'

let database: StoreDatabase
before(async () => {
  database = await storeDatabase(suiteTables, suiteSql)
})
after(() => database.close())

const id = fc.constantFrom('a', 'b', 'c')
const version = fc.constantFrom(1, 1, 2, 3)
const parent = fc.constantFrom(null, 'a', 'b')
const amount = fc.bigInt(-6n, 6n)
const aThing = fc.record({
  id,
  parent,
  code: fc.constantFrom(null, 'x', 'y'),
  amount: fc.constantFrom(0n, 1n, -1n),
  state: fc.constantFrom('new' as const, 'old' as const),
})
const setThing = fc.record(
  { parent, code: fc.constantFrom(null, 'x', 'y'), amount: fc.constantFrom(0n, 1n, -1n), due_at: fc.constantFrom(null, 5) },
  { requiredKeys: [] },
)
const bounds = fc.option(fc.record({ n: fc.record({ min: fc.constant(-5n), max: fc.constant(5n) }, { requiredKeys: [] }) }), {
  nil: undefined,
})
const adding = fc.tuple(id, amount, fc.option(fc.bigInt(0n, 3n), { nil: undefined }), bounds, fc.constantFrom(undefined, 4n, 9n))

const keyed =
  (verb: 'expect' | 'remove') =>
  (table: typeof things | typeof parents, name: string, at: number): Write => ({
    verb,
    table,
    key: table === things ? { tenant: 't', id: name } : { id: name },
    version: at,
  })
function added([name, n, m, within, ceiling]: [string, bigint, bigint | undefined, Add['bounds'] | undefined, bigint | undefined]): Write {
  return {
    verb: 'add',
    table: counters,
    key: { tenant: 't', name },
    amounts: { n, ...(m === undefined ? {} : { m }) },
    ...(ceiling === undefined ? {} : { create: { ceiling } }),
    ...(within === undefined ? {} : { bounds: within }),
  }
}
const write: fc.Arbitrary<Write> = fc.oneof(
  aThing.map(({ id: name, ...more }): Write => ({ verb: 'insert', table: things, row: thing(name, more) })),
  fc
    .tuple(id, fc.constantFrom('m', 'n'))
    .map(([name, label]): Write => ({ verb: 'insert', table: parents, row: { id: name, name: label } })),
  id.map((name): Write => ({ verb: 'insert', table: notes, row: { id: name, body: '' } })),
  fc
    .tuple(id, version, setThing)
    .map(([name, at, set]): Write => ({ verb: 'move', table: things, key: { tenant: 't', id: name }, version: at, set })),
  fc
    .tuple(id, version, fc.constantFrom('m', 'n', 'o'))
    .map(([name, at, label]): Write => ({ verb: 'move', table: parents, key: { id: name }, version: at, set: { name: label } })),
  fc.tuple(fc.constantFrom(things, parents), id, version).map(all => keyed('expect')(...all)),
  fc.tuple(fc.constantFrom(things, parents), id, version).map(all => keyed('remove')(...all)),
  adding.map(added),
)
const commit = fc.array(write, { minLength: 1, maxLength: 4 })

type Answer = Committed | 'a mistake'
const answer = (store: Store, writes: readonly Write[]): Promise<Answer> =>
  store.commit(writes).catch(error => {
    if (error instanceof TypeError) return 'a mistake'
    throw error
  })

async function rowsOf(store: PostgresStore): Promise<ReturnType<MemoryStore['snapshot']>> {
  const [t, p, c, n] = await Promise.all([
    store.find(things, { tenant: 't' }),
    Promise.all(['a', 'b', 'c'].map(name => store.get(parents, { id: name }))),
    store.find(counters, { tenant: 't' }),
    Promise.all(['a', 'b', 'c'].map(name => store.get(notes, { id: name }))),
  ])
  return { counters: c, notes: n.filter(row => row !== undefined), parents: p.filter(row => row !== undefined), things: t }
}

test('one after the other, any commits have the same answers in both stores and leave the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 12 }), async commits => {
      const real = await database.open()
      try {
        const model = createMemoryStore(suiteTables)
        for (const writes of commits) assert.deepEqual(await answer(real, writes), await answer(model, writes))
        assert.deepEqual(await rowsOf(real), { ...model.snapshot() })
      } finally {
        await real.close()
      }
    }),
    { numRuns: 60 },
  )
})

test('all at once, any commits have the answers and leave the rows of some order of them', async () => {
  const orders = permutations([0, 1, 2, 3])
  await fc.assert(
    fc.asyncProperty(fc.array(commit, { maxLength: 6 }), fc.array(commit, { minLength: 4, maxLength: 4 }), async (first, together) => {
      const real = await database.open()
      try {
        for (const writes of first) await answer(real, writes)
        const answers = await Promise.all(together.map(writes => answer(real, writes)))
        const rows = await rowsOf(real)
        for (const order of orders) if (await explains(first, together, order, answers, rows)) return
        assert.fail(`no order of these commits explains ${JSON.stringify(answers)}`)
      } finally {
        await real.close()
      }
    }),
    { numRuns: 100 },
  )
})

async function explains(
  first: readonly Write[][],
  together: readonly Write[][],
  order: readonly number[],
  answers: readonly Answer[],
  rows: unknown,
): Promise<boolean> {
  const model = createMemoryStore(suiteTables)
  for (const writes of first) await answer(model, writes)
  for (const place of order) {
    const given = await answer(model, together[place] ?? [])
    if (!same(given, answers[place]) && !(isRefused(answers[place]) && isBroken(given, together[place] ?? []))) return false
  }
  return same({ ...model.snapshot() }, rows)
}

const isRefused = (given: Answer | undefined): boolean => typeof given === 'object' && !given.ok

/** A statement that breaks on one row names that constraint only; in company, what else forbids the commit may be found first. */
const isBroken = (given: Answer, writes: readonly Write[]): boolean =>
  typeof given === 'object' &&
  !given.ok &&
  given.refused.some(
    ({ kind, write: at }) => kind === 'check' || kind === 'reference' || (kind === 'exists' && writes[at]?.verb !== 'insert'),
  )

function same(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other)
    return true
  } catch {
    return false
  }
}

function permutations(of: readonly number[]): number[][] {
  if (of.length === 0) return [[]]
  return of.flatMap(first => permutations(of.filter(one => one !== first)).map(rest => [first, ...rest]))
}
