/** What every store does: each rule of a commit and of a ride, violated once. Run over both implementations. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { add as addTo, type Committed, expect, insert, move, type RefusedWrite, remove, type Store, type Write } from './store.ts'
import { big, bool, bytes, int, json, maybe, type Row, table, text, time } from './table.ts'

export const parents = table('parents', { id: text(), name: text(), version: int() }, { key: ['id'], unique: { parents_name: ['name'] } })
export const things = table(
  'things',
  {
    tenant: text(),
    id: text(),
    parent: maybe(text()),
    code: maybe(text()),
    state: text<'new' | 'old'>(),
    count: int(),
    amount: big(),
    at: time(),
    ok: bool(),
    data: maybe(json<unknown>()),
    blob: maybe(bytes()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { things_code: ['tenant', 'code'] },
    indexes: { things_parent: ['parent', 'state'] },
    references: { things_parent_fkey: { columns: ['parent'], to: 'parents' } },
    checks: { things_amount_positive: row => row.amount >= 0n, things_state: row => ['new', 'old'].includes(row.state) },
  },
)
export const counters = table(
  'counters',
  { tenant: text(), name: text(), n: big(), m: int(), ceiling: maybe(big()), label: maybe(text()), version: int() },
  { key: ['tenant', 'name'], checks: { counters_ceiling: row => row.ceiling === null || row.n <= row.ceiling } },
)
/** Rows that are only ever inserted. */
export const notes = table('notes', { id: text(), body: text() }, { key: ['id'] })
export const suiteTables = [things, parents, counters, notes] as const
export const suiteSql = `
create table parents (
  id text not null,
  name text not null,
  version integer not null,
  constraint parents_pkey primary key (id),
  constraint parents_name unique (name)
);
create table things (
  tenant text not null,
  id text not null,
  parent text,
  code text,
  state text not null,
  count integer not null,
  amount bigint not null,
  at timestamptz not null,
  ok boolean not null,
  data jsonb,
  blob bytea,
  due_at timestamptz,
  clock text,
  version integer not null,
  constraint things_pkey primary key (tenant, id),
  constraint things_code unique (tenant, code),
  constraint things_parent_fkey foreign key (parent) references parents (id),
  constraint things_amount_positive check (amount >= 0),
  constraint things_state check (state in ('new', 'old'))
);
create index things_parent on things (parent, state);
create index things_due on things (due_at) where due_at is not null;
create table counters (
  tenant text not null,
  name text not null,
  n bigint not null,
  m integer not null,
  ceiling bigint,
  label text,
  version integer not null,
  constraint counters_pkey primary key (tenant, name),
  constraint counters_ceiling check (n <= ceiling)
);
create table notes (
  id text not null,
  body text not null,
  constraint notes_pkey primary key (id)
);
`

type Thing = Row<typeof things>
export const thing = (id: string, more: Partial<Omit<Thing, 'id' | 'version'>> = {}): Omit<Thing, 'version'> => ({
  tenant: 't',
  id,
  parent: null,
  code: null,
  state: 'new',
  count: 1,
  amount: 1n,
  at: 1_750_000_000_123,
  ok: true,
  data: null,
  blob: null,
  due_at: null,
  clock: null,
  ...more,
})
const refused = (...all: RefusedWrite[]): Committed => ({ ok: false, refused: all })
const done: Committed = { ok: true }
const hit = (write: number, tableName: string, constraint: string, kind: RefusedWrite['kind']): RefusedWrite => ({
  write,
  table: tableName,
  constraint,
  kind,
})
const key = (id: string) => ({ tenant: 't', id })

export type Opened = { readonly store: Store; close(): Promise<void> }

/** Runs the suite. `open` gives an empty store of the suite's tables. */
export function storeSuite(name: string, open: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened | undefined
    beforeEach(async () => {
      opened = await open()
    })
    afterEach(async () => opened?.close())
    const store = (): Store => {
      assert.ok(opened)
      return opened.store
    }
    const rule = (what: string, check: (store: Store) => Promise<void>): void => {
      test(what, () => check(store()))
    }
    values(rule)
    versions(rule)
    uniqueness(rule)
    constraints(rule)
    adding(rule)
    mistakes(rule)
    company(rule)
    reading(rule)
  })
}

type Rule = (what: string, check: (store: Store) => Promise<void>) => void

async function thingOf(store: Store, id: string): Promise<Thing> {
  const row = await store.get(things, key(id))
  assert.ok(row, `${id} is there`)
  return row
}

function values(rule: Rule): void {
  rule('every kind of value comes back as it went in', async store => {
    const parent = { id: 'p', name: 'Päivi 🐘 \\u0000 "quoted" \\' }
    const full = thing('full', {
      parent: 'p',
      code: '',
      count: -2_147_483_648,
      amount: 9_223_372_036_854_775_807n,
      at: 253_402_300_799_999,
      ok: false,
      data: { deep: [1, 'zwei', null, { drei: 3.5 }], '\\ud800': true },
      blob: Buffer.from([0, 1, 255]),
      due_at: -62_135_596_800_000,
      clock: 'clk_1',
    })
    assert.deepEqual(await store.commit([insert(parents, parent), insert(things, full)]), done)
    assert.deepEqual(await store.get(parents, { id: 'p' }), { ...parent, version: 1 })
    assert.deepEqual(await thingOf(store, 'full'), { ...full, version: 1 })
    assert.deepEqual(await store.commit([insert(things, thing('empty'))]), done)
    assert.deepEqual(await thingOf(store, 'empty'), { ...thing('empty'), version: 1 })
    assert.equal(await store.get(things, key('none')), undefined)
  })
  rule('a kept row is its own: changing what was handed in changes nothing', async store => {
    const data = { list: [1] }
    await store.commit([insert(things, thing('a', { data }))])
    data.list.push(2)
    assert.deepEqual((await thingOf(store, 'a')).data, { list: [1] })
  })
  rule('a commit of nothing is done', async store => {
    assert.deepEqual(await store.commit([]), done)
  })
}

function versions(rule: Rule): void {
  rule('a move changes only what it names and raises the version', async store => {
    await store.commit([insert(things, thing('a', { code: 'c', data: { a: 1 }, due_at: 5 }))])
    const row = await thingOf(store, 'a')
    assert.deepEqual(await store.commit([move(things, row, { state: 'old', due_at: null, data: null })]), done)
    const moved = { ...row, state: 'old', due_at: null, data: null, version: 2 }
    assert.deepEqual(await thingOf(store, 'a'), moved)
    assert.deepEqual(
      await store.commit([move(things, await thingOf(store, 'a'), { data: { b: 2 }, blob: Buffer.from('x'), amount: 7n })]),
      done,
    )
    assert.deepEqual(await thingOf(store, 'a'), { ...moved, data: { b: 2 }, blob: Buffer.from('x'), amount: 7n, version: 3 })
  })
  rule('a move, an expectation or a removal of a stale row is refused, of a missing row too', async store => {
    await store.commit([insert(things, thing('a')), insert(things, thing('b')), insert(things, thing('c')), insert(things, thing('gone'))])
    const [a, b, c, gone] = await Promise.all(['a', 'b', 'c', 'gone'].map(id => thingOf(store, id)))
    assert.ok(a && b && c && gone)
    assert.deepEqual(
      await store.commit([
        move(things, a, { count: 2 }),
        move(things, b, { count: 2 }),
        move(things, c, { count: 2 }),
        remove(things, gone),
      ]),
      done,
    )
    assert.deepEqual(
      await store.commit([
        insert(notes, { id: 'n', body: '' }),
        move(things, a, { count: 3 }),
        expect(things, b),
        remove(things, c),
        move(things, gone, {}),
      ]),
      refused(
        hit(1, 'things', 'things_version', 'moved'),
        hit(2, 'things', 'things_version', 'moved'),
        hit(3, 'things', 'things_version', 'moved'),
        hit(4, 'things', 'things_version', 'missing'),
      ),
    )
    assert.equal(await store.get(notes, { id: 'n' }), undefined)
    assert.equal((await thingOf(store, 'a')).count, 2)
  })
  rule('an expectation that holds lets the commit through and leaves the row alone', async store => {
    await store.commit([insert(things, thing('a'))])
    const row = await thingOf(store, 'a')
    assert.deepEqual(await store.commit([expect(things, row), insert(notes, { id: 'n', body: '' })]), done)
    assert.deepEqual(await thingOf(store, 'a'), row)
    assert.deepEqual(await store.commit([expect(things, row), move(things, row, { count: 9 })]), done)
  })
  rule('a removal removes, and frees its unique sets for the same commit', async store => {
    await store.commit([insert(things, thing('a', { code: 'c' }))])
    const row = await thingOf(store, 'a')
    assert.deepEqual(await store.commit([insert(things, thing('b', { code: 'c' })), remove(things, row)]), done)
    assert.equal(await store.get(things, key('a')), undefined)
  })
  rule('two moves of one row at once: one lands, the other is refused', async store => {
    await store.commit([insert(things, thing('a'))])
    const row = await thingOf(store, 'a')
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store.commit([move(things, row, { count: i })])))
    assert.equal(results.filter(result => result.ok).length, 1)
    for (const result of results) if (!result.ok) assert.deepEqual(result, refused(hit(0, 'things', 'things_version', 'moved')))
    assert.equal((await thingOf(store, 'a')).version, 2)
  })
  rule('two commits that expect what the other moves never both land', async store => {
    for (let i = 0; i < 10; i += 1) {
      await store.commit([insert(things, thing(`a${i}`)), insert(things, thing(`b${i}`))])
      const [a, b] = await Promise.all([thingOf(store, `a${i}`), thingOf(store, `b${i}`)])
      const results = await Promise.all([
        store.commit([expect(things, a), move(things, b, { count: 2 })]),
        store.commit([expect(things, b), move(things, a, { count: 2 })]),
      ])
      assert.equal(results.filter(result => result.ok).length, 1)
    }
  })
}

function uniqueness(rule: Rule): void {
  rule('a taken key or unique set is refused by name, all of them at once, and nothing is written', async store => {
    await store.commit([insert(things, thing('a', { code: 'c' })), insert(things, thing('b')), insert(parents, { id: 'p', name: 'n' })])
    assert.deepEqual(
      await store.commit([
        insert(notes, { id: 'n', body: '' }),
        insert(things, thing('b', { code: 'c' })),
        insert(things, thing('c', { code: 'c' })),
        insert(parents, { id: 'q', name: 'n' }),
      ]),
      refused(
        hit(1, 'things', 'things_code', 'exists'),
        hit(1, 'things', 'things_pkey', 'exists'),
        hit(2, 'things', 'things_code', 'exists'),
        hit(3, 'parents', 'parents_name', 'exists'),
      ),
    )
    assert.equal(await store.get(notes, { id: 'n' }), undefined)
    assert.equal(await store.get(things, key('c')), undefined)
  })
  rule('nulls do not collide, another tenant does not either', async store => {
    assert.deepEqual(await store.commit([insert(things, thing('a')), insert(things, thing('b'))]), done)
    assert.deepEqual(
      await store.commit([insert(things, thing('c', { code: 'c' })), insert(things, thing('c', { tenant: 'u', code: 'c' }))]),
      done,
    )
  })
  rule('two inserts of one key in one commit are refused', async store => {
    assert.deepEqual(
      await store.commit([insert(notes, { id: 'n', body: '1' }), insert(notes, { id: 'n', body: '2' })]),
      refused(hit(1, 'notes', 'notes_pkey', 'exists')),
    )
    assert.equal(await store.get(notes, { id: 'n' }), undefined)
  })
  rule('a move onto a taken unique set is refused', async store => {
    await store.commit([insert(things, thing('a', { code: 'c' })), insert(things, thing('b'))])
    const row = await thingOf(store, 'b')
    assert.deepEqual(await store.commit([move(things, row, { code: 'c' })]), refused(hit(0, 'things', 'things_code', 'exists')))
    assert.deepEqual(await thingOf(store, 'b'), row)
  })
  rule('of many inserts of one key exactly one lands', async store => {
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => store.commit([insert(things, thing(`t${i}`, { code: 'same' }))])),
    )
    assert.equal(results.filter(result => result.ok).length, 1)
    for (const result of results) if (!result.ok) assert.deepEqual(result, refused(hit(0, 'things', 'things_code', 'exists')))
  })
}

function constraints(rule: Rule): void {
  rule('a check violated by an insert, a move or an add is refused by name', async store => {
    await store.commit([insert(things, thing('a')), insert(counters, { tenant: 't', name: 'c', n: 0n, m: 0, ceiling: 5n, label: null })])
    const row = await thingOf(store, 'a')
    const positive = hit(0, 'things', 'things_amount_positive', 'check')
    assert.deepEqual(await store.commit([insert(things, thing('b', { amount: -1n }))]), refused(positive))
    assert.deepEqual(
      await store.commit([insert(things, thing('b')), insert(things, thing('c', { amount: -1n }))]),
      refused({ ...positive, write: 1 }),
    )
    assert.deepEqual(await store.commit([move(things, row, { amount: -1n })]), refused(positive))
    assert.deepEqual(
      await store.commit([addTo(counters, { tenant: 't', name: 'c' }, { n: 6n })]),
      refused(hit(0, 'counters', 'counters_ceiling', 'check')),
    )
    assert.deepEqual(
      await store.commit([{ ...insert(things, thing('d')), row: { ...thing('d'), state: 'odd' } }]),
      refused(hit(0, 'things', 'things_state', 'check')),
    )
    assert.deepEqual(await thingOf(store, 'a'), row)
    assert.equal(await store.get(things, key('b')), undefined)
  })
  rule('a reference to a missing row is refused, and the removal of a row that is referred to', async store => {
    const missing = hit(0, 'things', 'things_parent_fkey', 'reference')
    assert.deepEqual(await store.commit([insert(things, thing('a', { parent: 'p' }))]), refused(missing))
    assert.deepEqual(await store.commit([insert(things, thing('a', { parent: 'p' })), insert(parents, { id: 'p', name: 'n' })]), done)
    assert.deepEqual(await store.commit([move(things, await thingOf(store, 'a'), { parent: 'q' })]), refused(missing))
    const parent = await store.get(parents, { id: 'p' })
    assert.ok(parent)
    assert.deepEqual(await store.commit([remove(parents, parent)]), refused(hit(0, 'parents', 'things_parent_fkey', 'reference')))
    assert.deepEqual(await store.commit([remove(parents, parent), remove(things, await thingOf(store, 'a'))]), done)
  })
}

function adding(rule: Rule): void {
  const c = (name: string) => ({ tenant: 't', name })
  rule('an add creates the row, then adds to it; its version counts the adds', async store => {
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: 5n }, { create: { label: 'l', ceiling: 100n } })]), done)
    assert.deepEqual(await store.get(counters, c('x')), { ...c('x'), n: 5n, m: 0, ceiling: 100n, label: 'l', version: 1 })
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: -2n, m: 3n }, { create: { label: 'other' } })]), done)
    assert.deepEqual(await store.get(counters, c('x')), { ...c('x'), n: 3n, m: 3, ceiling: 100n, label: 'l', version: 2 })
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: 1n }), addTo(counters, c('x'), { n: 1n, ceiling: 1n })]), done)
    assert.deepEqual(await store.get(counters, c('x')), { ...c('x'), n: 5n, m: 3, ceiling: 101n, label: 'l', version: 4 })
  })
  rule('an add beyond its bounds is refused, at the edge it is not', async store => {
    const bounds = { n: { min: 0n, max: 10n } }
    const bound = hit(0, 'counters', 'counters_n_bound', 'bound')
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: 11n }, { bounds })]), refused(bound))
    assert.equal(await store.get(counters, c('x')), undefined)
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: 10n }, { bounds })]), done)
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: 1n }, { bounds })]), refused(bound))
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: -11n }, { bounds })]), refused(bound))
    assert.deepEqual(await store.commit([addTo(counters, c('x'), { n: -10n }, { bounds })]), done)
    assert.deepEqual(
      await store.commit([
        addTo(counters, c('x'), { n: 9n }, { bounds }),
        addTo(counters, c('x'), { n: 9n }, { bounds }),
        addTo(counters, c('x'), { n: -9n }),
      ]),
      refused({ ...bound, write: 1 }),
    )
  })
  rule('two hundred adds at once stop exactly at the bound', async store => {
    const once = (i: number) =>
      store.commit([insert(notes, { id: `n${i}`, body: '' }), addTo(counters, c('hot'), { n: 1n }, { bounds: { n: { max: 77n } } })])
    const results = await Promise.all(Array.from({ length: 200 }, (_, i) => once(i)))
    assert.equal(results.filter(result => result.ok).length, 77)
    const counter = await store.get(counters, c('hot'))
    assert.equal(counter?.n, 77n)
    assert.equal(counter?.version, 77)
    const written = await Promise.all(Array.from({ length: 200 }, (_, i) => store.get(notes, { id: `n${i}` })))
    assert.deepEqual(
      written.map(note => note !== undefined),
      results.map(result => result.ok),
    )
  })
  rule('a row that is added to is no longer the one that was expected', async store => {
    await store.commit([addTo(counters, c('x'), { n: 1n })])
    const row = await store.get(counters, c('x'))
    assert.ok(row)
    await store.commit([addTo(counters, c('x'), { n: 1n })])
    assert.deepEqual(await store.commit([expect(counters, row)]), refused(hit(0, 'counters', 'counters_version', 'moved')))
  })
}

function mistakes(rule: Rule): void {
  const wrong = (store: Store, write: Write) => assert.rejects(store.commit([write]), TypeError)
  const raw = (row: Record<string, unknown>): Write => ({ verb: 'insert', table: things, row })
  rule('strings that PostgreSQL cannot hold are refused before they board, and their company travels on', async store => {
    const poisons = ['\0', 'a\0b', '\ud800', 'x\udfffx', '\\\0']
    const good = Array.from({ length: 20 }, (_, i) => store.commit([insert(notes, { id: `n${i}`, body: '\\u0000 \\ud800' })]))
    for (const poison of poisons) {
      await wrong(store, insert(notes, { id: 'x', body: poison }))
      await wrong(store, insert(things, thing('x', { data: { deep: [poison] } })))
      await wrong(store, insert(things, thing('x', { data: { [poison]: 1 } })))
      await wrong(store, addTo(counters, { tenant: 't', name: poison }, { n: 1n }))
    }
    assert.ok((await Promise.all(good)).every(result => result.ok))
    assert.equal((await store.get(notes, { id: 'n7' }))?.body, '\\u0000 \\ud800')
  })
  rule('unknown columns, missing values and values of another type are mistakes', async store => {
    await wrong(store, raw({ ...thing('a'), more: 1 }))
    await wrong(store, raw({ ...thing('a'), version: 1 }))
    await wrong(store, raw({ ...thing('a'), state: undefined }))
    await wrong(store, raw({ ...thing('a'), state: null }))
    await wrong(store, raw({ ...thing('a'), state: 1 }))
    for (const count of [1.5, 2_147_483_648, Number.NaN, '1', 1n]) await wrong(store, raw({ ...thing('a'), count }))
    for (const amount of [9_223_372_036_854_775_808n, 1, '1']) await wrong(store, raw({ ...thing('a'), amount }))
    for (const at of [1.5, Number.POSITIVE_INFINITY, 253_402_300_800_000, '2026-01-01']) await wrong(store, raw({ ...thing('a'), at }))
    await wrong(store, raw({ ...thing('a'), data: { big: 1n } }))
    await wrong(store, raw({ ...thing('a'), blob: 'text' }))
    await store.commit([insert(things, thing('a'))])
    const row = await thingOf(store, 'a')
    await wrong(store, { verb: 'move', table: things, key: key('a'), version: 1, set: { id: 'b' } })
    await wrong(store, { verb: 'move', table: things, key: key('a'), version: 1, set: { version: 3 } })
    await wrong(store, { verb: 'move', table: things, key: key('a'), version: 1, set: { more: 3 } })
    await wrong(store, { verb: 'move', table: things, key: { tenant: 't' }, version: 1, set: {} })
    await wrong(store, { verb: 'expect', table: notes, key: { id: 'n' }, version: 1 })
    await wrong(store, addTo(counters, { tenant: 't', name: 'n' }, { label: 1n }))
    await wrong(store, addTo(counters, { tenant: 't', name: 'n' }, { n: 1n }, { create: { n: 1n } }))
    await assert.rejects(store.commit([move(things, row, { count: 1 }), remove(things, row)]), TypeError)
    await assert.rejects(store.commit([insert(table('strangers', { id: text() }, { key: ['id'] }), { id: 'x' })]), TypeError)
    await assert.rejects(store.commit([{ verb: 'record', event: {} }]), TypeError)
    assert.deepEqual(await thingOf(store, 'a'), row)
  })
  rule('an error without a name is thrown, and its company travels on', async store => {
    await store.commit([addTo(counters, { tenant: 't', name: 'full' }, { m: 2_147_483_647n })])
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) =>
        store.commit([
          insert(notes, { id: `n${i}`, body: '' }),
          ...(i === 23 ? [addTo(counters, { tenant: 't', name: 'full' }, { m: 1n })] : []),
        ]),
      ),
    )
    for (const [i, result] of results.entries()) {
      if (i === 23) assert.ok(result.status === 'rejected' && result.reason instanceof TypeError)
      else assert.deepEqual(result, { status: 'fulfilled', value: done })
    }
    assert.equal(await store.get(notes, { id: 'n23' }), undefined)
    assert.ok(await store.get(notes, { id: 'n39' }))
  })
}

function company(rule: Rule): void {
  rule('a commit is not refused because of a companion that is itself refused', async store => {
    await store.commit([insert(notes, { id: 'taken', body: '' })])
    for (let i = 0; i < 10; i += 1) {
      const [first, second, third] = await Promise.all([
        store.commit([insert(parents, { id: `p${i}`, name: `n${i}` }), insert(notes, { id: 'taken', body: '' })]),
        store.commit([insert(parents, { id: `q${i}`, name: `n${i}` })]),
        store.commit([insert(things, thing(`t${i}`))]),
      ])
      assert.deepEqual([first, second, third], [refused(hit(1, 'notes', 'notes_pkey', 'exists')), done, done])
      assert.ok(await store.get(parents, { id: `q${i}` }))
    }
  })
  rule('a commit that refers to a row comes after the commit that makes it, in everything', async store => {
    const counter = { tenant: 't', name: 'x' }
    const [child, parent] = await Promise.all([
      store.commit([insert(things, thing('a', { parent: 'p' })), addTo(counters, counter, { n: 1n })]),
      store.commit([insert(parents, { id: 'p', name: 'n' }), addTo(counters, counter, { n: 1n }, { create: { label: 'first' } })]),
    ])
    assert.deepEqual(parent, done)
    const row = await store.get(counters, counter)
    assert.deepEqual([row?.n, row?.label], child.ok ? [2n, 'first'] : [1n, 'first'])
  })
  rule('refused, broken and good commits that travel together each get their own answer', async store => {
    await store.commit([insert(notes, { id: 'taken', body: '' }), insert(things, thing('moved'))])
    const stale = { ...(await thingOf(store, 'moved')), version: 7 }
    const kinds: readonly ((i: number) => readonly Write[])[] = [
      i => [insert(notes, { id: `good${i}`, body: '' }), addTo(counters, { tenant: 't', name: 'good' }, { n: 1n })],
      i => [insert(notes, { id: `never${i}`, body: '' }), insert(notes, { id: 'taken', body: '' })],
      i => [insert(notes, { id: `never${i}`, body: '' }), move(things, stale, { count: 5 })],
      i => [insert(notes, { id: `never${i}`, body: '' }), insert(things, thing(`bad${i}`, { amount: -1n }))],
      i => [insert(notes, { id: `never${i}`, body: '' }), insert(things, thing(`orphan${i}`, { parent: 'nobody' }))],
    ]
    const results = await Promise.all(Array.from({ length: 100 }, (_, i) => store.commit(kinds[i % kinds.length]?.(i) ?? [])))
    const answers = [
      done,
      refused(hit(1, 'notes', 'notes_pkey', 'exists')),
      refused(hit(1, 'things', 'things_version', 'moved')),
      refused(hit(1, 'things', 'things_amount_positive', 'check')),
      refused(hit(1, 'things', 'things_parent_fkey', 'reference')),
    ]
    assert.deepEqual(
      results,
      results.map((_, i) => answers[i % answers.length]),
    )
    assert.equal((await store.get(counters, { tenant: 't', name: 'good' }))?.n, 20n)
    for (let i = 0; i < 100; i += 1) assert.equal(await store.get(notes, { id: `never${i}` }), undefined)
  })
}

function reading(rule: Rule): void {
  rule('find reads by a key, a unique set, an index or its leading part, in key order, up to the limit', async store => {
    const ids = ['b', 'B', 'a', 'é', '_', 'ab', '🐘', '\uffee']
    await store.commit([insert(parents, { id: 'p', name: 'n' }), ...ids.map(id => insert(things, thing(id, { parent: 'p', code: id })))])
    const sorted = ids.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    const found = async (by: Record<string, string>, limit?: number) => (await store.find(things, by, limit)).map(row => row.id)
    assert.deepEqual(await found({ tenant: 't' }), sorted)
    assert.deepEqual(await found({ parent: 'p' }), sorted)
    assert.deepEqual(await found({ parent: 'p', state: 'new' }, 3), sorted.slice(0, 3))
    assert.deepEqual(await found({ state: 'old', parent: 'p' }), [])
    assert.deepEqual(await found({ tenant: 't', code: 'B' }), ['B'])
    await assert.rejects(found({ state: 'new' }), TypeError)
    await assert.rejects(found({}), TypeError)
  })
  rule('due rows are those whose time has come on the given clock, oldest first', async store => {
    const at = (id: string, due_at: number | null, clock: string | null) => insert(things, thing(id, { due_at, clock }))
    await store.commit([
      at('late', 30, null),
      at('b', 20, null),
      at('a', 20, null),
      at('never', null, null),
      at('old', 10, null),
      at('test', 5, 'clk'),
      at('other', 5, 'klc'),
    ])
    const due = async (now: number, clock: string | null, limit = 10) => (await store.due(things, { now, clock, limit })).map(row => row.id)
    assert.deepEqual(await due(20, null), ['old', 'a', 'b'])
    assert.deepEqual(await due(20, null, 2), ['old', 'a'])
    assert.deepEqual(await due(9, null), [])
    assert.deepEqual(await due(20, 'clk'), ['test'])
    await store.commit([move(things, await thingOf(store, 'a'), { due_at: null })])
    assert.deepEqual(await due(99, null), ['old', 'b', 'late'])
  })
  rule('many gets at once each get their own row', async store => {
    await store.commit(Array.from({ length: 300 }, (_, i) => insert(things, thing(`t${i}`, { count: i }))))
    const rows = await Promise.all(Array.from({ length: 600 }, (_, i) => store.get(things, key(`t${i}`))))
    assert.deepEqual(
      rows.map(row => row?.count),
      Array.from({ length: 600 }, (_, i) => (i < 300 ? i : undefined)),
    )
  })
}
