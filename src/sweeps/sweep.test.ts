import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel } from '../channels/channel.ts'
import type { Listed } from '../channels/listing.ts'
import { bindings, facts } from '../instruments/tables.ts'
import { day, returnUrl, scripted, type Trial, trial, visa } from '../instruments/trial.seam.ts'
import { sweepDue } from '../worker.ts'
import type { Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { memorySweepQueries } from './queries.ts'
import { misses, sweepFindings, sweeps } from './tables.ts'

/** What the channel keeps, by owner; undefined: it does not answer. */
type Kept = Map<string, readonly Listed[]> | undefined
type Stage = { readonly at: Trial; readonly kept: { now: Kept }; readonly calls: string[] }

async function stage(more: Partial<Channel> = {}): Promise<Stage> {
  const kept: { now: Kept } = { now: new Map() }
  const calls: string[] = []
  const channel = scripted('one', {
    bind: async (_call, input) => ({ kind: 'bound', token: `tok_${input.binding}`, references: { customer: `at_one_${input.customer}` } }),
    list: {
      by: 'customer',
      page: async (_call, { owner, cursor }) => {
        calls.push(`${owner} ${cursor ?? ''}`)
        if (kept.now === undefined) return { kind: 'uncertain', cause: 'no answer' }
        const all = kept.now.get(owner) ?? []
        const from = Number(cursor ?? 0)
        return { kind: 'listed', listed: all.slice(from, from + 2), ...(from + 2 < all.length ? { next: String(from + 2) } : {}) }
      },
    },
    ...more,
  })
  return { at: await trial([channel]), kept, calls }
}

let numbers = 0
/** So many cards of one customer; each has a number of its own. */
async function bindMany({ at, kept }: Stage, count: number, customer = at.customer): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    numbers += 1
    const stem = `4111110000${String(numbers).padStart(5, '0')}`
    const digit = [...'0123456789'].find(one => luhn(stem + one)) ?? ''
    await at.bind({ customer, card: { capture: await at.capture({ ...visa, number: stem + digit }) }, return_url: returnUrl })
  }
  const mine = at.rows(bindings).filter(row => row.customer === customer)
  kept.now?.set(
    `at_one_${customer}`,
    mine.map(row => ({ token: row.token ?? '', status: 'kept' })),
  )
}

const luhn = (digits: string): boolean =>
  [...digits].toReversed().reduce((sum, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1)
    return sum + (value > 9 ? value - 9 : value)
  }, 0) %
    10 ===
  0

async function sweep({ at }: Stage, body: object = {}, world: World = at.world) {
  const begun = await at.call('POST', '/v1/sweeps', { channel: 'one', ...body })
  assert.equal(begun.status, 201, JSON.stringify(begun.body))
  await turn(at, world)
  return (await at.call('GET', `/v1/sweeps/${String(begun.body.id)}`)).body
}
async function turn(at: Trial, world: World = at.world): Promise<void> {
  for (let i = 0; i < 50; i += 1) {
    at.advance(1_000)
    await sweepDue(world, memorySweepQueries(at.store))
  }
}
const forget = ({ kept, at }: Stage, tokens: readonly (string | null | undefined)[]) => {
  const owner = `at_one_${at.customer}`
  kept.now?.set(owner, kept.now.get(owner)?.filter(one => !tokens.includes(one.token)) ?? [])
}
const first = (at: Trial) => at.rows(bindings)[0] ?? assert.fail('no binding')

test('what is missing counts as gone after three days in a row, and comes back with the list', async () => {
  const on = await stage()
  await bindMany(on, 3)
  const { token } = first(on.at)
  on.at.advance(day)
  forget(on, [token])
  for (const [again, count] of [
    [0, 1],
    // Twice on one day is once.
    [3_600_000, 1],
    [day, 2],
  ] as const) {
    on.at.advance(again)
    const { status, missing, changes } = await sweep(on)
    assert.deepEqual([status, missing, changes, first(on.at).status], ['done', 1, 0, 'active'])
    assert.equal(on.at.rows(misses)[0]?.count, count)
  }
  on.at.advance(day)
  const last = await sweep(on)
  assert.deepEqual(
    [last.status, last.changes, last.changed, first(on.at).status, first(on.at).reason],
    ['done', 1, 1, 'revoked', 'not_listed'],
  )
  assert.equal(on.at.rows(facts).find(row => row.kind === 'revoked')?.source, 'sweep')
  on.at.advance(day)
  const owner = `at_one_${on.at.customer}`
  on.kept.now?.set(owner, [...(on.kept.now.get(owner) ?? []), { token: token ?? '', status: 'kept' }])
  assert.equal((await sweep(on)).changed, 1)
  assert.deepEqual([first(on.at).status, first(on.at).reason, first(on.at).token], ['active', 'one lists it again', token])
  assert.deepEqual([on.at.rows(misses), on.at.rows(sweepFindings)], [[], []])
})

test('a miss that is followed by being seen is forgotten', async () => {
  const on = await stage()
  await bindMany(on, 2)
  const whole = on.kept.now
  for (let i = 0; i < 6; i += 1) {
    on.at.advance(day)
    on.kept.now = i % 3 === 2 ? whole : new Map()
    await sweep(on)
  }
  assert.deepEqual([first(on.at).status, on.at.rows(misses)], ['active', []])
})

test('a sweep that would change too much changes nothing and asks; released it changes, discarded it forgets', async () => {
  for (const answer of ['release', 'discard'] as const) {
    const on = await stage()
    await bindMany(on, 7)
    on.kept.now = new Map()
    let body: Record<string, unknown> = {}
    for (let i = 0; i < 3; i += 1) {
      on.at.advance(day)
      body = await sweep(on)
    }
    assert.deepEqual([body.status, body.looked, body.changes, body.changed], ['held', 7, 7, 0])
    assert.ok(Array.isArray(body.findings) && body.findings.length === 7)
    assert.ok(on.at.rows(bindings).every(row => row.status === 'active'))
    assert.equal((await on.at.call('POST', '/v1/sweeps', { channel: 'one' })).status, 409)
    const path = `/v1/sweeps/${String(body.id)}/${answer}`
    assert.equal((await on.at.call('POST', path)).status, 200)
    await turn(on.at)
    assert.equal((await on.at.call('POST', path)).status, 409)
    const gone = on.at.rows(bindings).filter(row => row.status === 'revoked').length
    assert.deepEqual(
      [gone, on.at.rows(sweepFindings).length, on.at.rows(sweeps).at(-1)?.status],
      answer === 'release' ? [7, 0, 'done'] : [0, 0, 'discarded'],
    )
    if (answer === 'discard') assert.deepEqual(on.at.rows(misses), [])
  }
})

test('what the list says of a token is a fact at once', async () => {
  const on = await stage()
  await bindMany(on, 1)
  on.at.advance(day)
  const owner = `at_one_${on.at.customer}`
  const token = first(on.at).token ?? ''
  on.kept.now?.set(owner, [{ token, status: 'suspended', reason: 'payer_paused' }])
  await sweep(on)
  assert.deepEqual([first(on.at).status, first(on.at).reason], ['suspended', 'payer_paused'])
  on.kept.now?.set(owner, [{ token, status: 'active' }])
  await sweep(on)
  assert.equal(first(on.at).status, 'active')
})

test('a list that is not answered says nothing of anybody', async () => {
  const on = await stage()
  await bindMany(on, 2)
  on.kept.now = undefined
  for (let i = 0; i < 4; i += 1) {
    on.at.advance(day)
    const { status, looked, unanswered } = await sweep(on)
    assert.deepEqual([status, looked, unanswered], ['done', 0, 2])
  }
  assert.deepEqual([first(on.at).status, on.at.rows(misses)], ['active', []])
})

test('a process that dies in the middle of a sweep counts nobody twice, and another goes on', async () => {
  const on = await stage()
  for (let i = 0; i < 30; i += 1) {
    const { body } = await on.at.call('POST', '/v1/customers', { reference: `c-${i}` })
    await bindMany(on, 1, String(body.id))
  }
  on.at.advance(day)
  let left = 7
  on.at.onCommit(writes => {
    const crash = new Error('the process dies')
    crash.name = 'Crash'
    if (writes.some(one => one.verb === 'move' && one.table === sweeps && 'cursor' in one.set) && left-- === 0) throw crash
  })
  const begun = await on.at.call('POST', '/v1/sweeps', { channel: 'one', repeat_hours: 24 })
  await assert.rejects(turn(on.at), { name: 'Crash' })
  on.at.advance(61_000)
  await turn(on.at)
  const { body } = await on.at.call('GET', `/v1/sweeps/${String(begun.body.id)}`)
  assert.deepEqual([body.status, body.looked], ['done', 30])
  // The next one is planned for a day later.
  assert.deepEqual(
    on.at.rows(sweeps).map(row => row.status),
    ['done', 'planned'],
  )
})

/** Others have shipped it: whatever is not on the list is gone. */
function absenceMeansRevoked(world: World): World {
  const { store } = world
  const isMiss = (write: Write): boolean => (write.verb === 'move' || write.verb === 'remove') && write.table.name === misses.name
  const commit = (writes: readonly Write[]) => store.commit(writes.filter(write => !isMiss(write)))
  const long = { tenant: '', binding: '', count: 9, missed_at: 0, version: 1 }
  return {
    ...world,
    store: {
      ...store,
      commit,
      get: async (table, key) => (table.name === misses.name ? JSON.parse(JSON.stringify(long)) : store.get(table, key)),
    },
  }
}

test('one short page takes nothing away, and the bug that believes it is seen', async () => {
  for (const [infect, status] of [
    [(world: World) => world, 'active'],
    [absenceMeansRevoked, 'revoked'],
  ] as const) {
    const on = await stage()
    await bindMany(on, 3)
    on.at.advance(day)
    forget(on, [first(on.at).token])
    await sweep(on, {}, infect(on.at.world))
    assert.equal(first(on.at).status, status)
  }
})

test('what cannot be swept is said by field', async () => {
  const on = await stage()
  const bare = await trial([scripted('bare', {})])
  for (const [at, body, status, pointer] of [
    [on.at, { channel: 'nobody' }, 400, '/channel'],
    [bare, { channel: 'bare' }, 422, '/channel'],
    [on.at, { channel: 'one', misses: 1 }, 400, '/misses'],
    [on.at, { channel: 'one', change_percent_max: 101 }, 400, '/change_percent_max'],
    [on.at, { channel: 'one', repeat_hours: 1 }, 400, '/repeat_hours'],
  ] as const) {
    const answer = await at.call('POST', '/v1/sweeps', body)
    assert.deepEqual(
      [answer.status, JSON.stringify(answer.body.errors).includes(`"${pointer}"`)],
      [status, true],
      JSON.stringify(answer.body),
    )
  }
  assert.equal((await on.at.call('GET', `/v1/sweeps/swp_${'0'.repeat(26)}`)).status, 404)
})
