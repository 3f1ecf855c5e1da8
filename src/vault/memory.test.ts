/**
 * Looks for card and account numbers in the memory of a running vault, from another process (Linux: /proc/<pid>/mem), so that the search itself puts
 * none there. Fifty cards and fifty accounts come in over real HTTP. What stays behind in the end is at most what the HTTP parser's own receive buffer still
 * holds until the next request overwrites it: the last body that came in one piece with its head, which lies behind it, and the last that came apart from
 * it, which lies at the beginning. Which it is depends on how the kernel cut the stream.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { signGrant } from '../core/grant.ts'
import { passesLuhn } from '../core/pan.ts'

const count = 50
const inReceiveBuffer = 2
/** Shared by all numbers of this test and by nothing else. */
const prefix = '40128877'

function numbers(first: number): readonly string[] {
  const made: string[] = []
  for (let i = first; made.length < count; i += 1) {
    const candidate = prefix + String(10_000_000 + i * 7919)
    if (passesLuhn(Buffer.from(candidate))) made.push(candidate)
  }
  return made
}

/** Which of the numbers stand in the writable memory of a process, in one-byte or two-byte letters. */
function foundIn(pid: number, wanted: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>()
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const needles = [Buffer.from(prefix), Buffer.from(prefix, 'utf16le')]
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
      if (from === undefined || to === undefined) continue
      const start = Number.parseInt(from, 16)
      const region = Buffer.alloc(Math.min(Number.parseInt(to, 16) - start, 512 * 1024 * 1024))
      const length = readRegion(memory, region, start)
      needles.forEach((needle, wide) => {
        for (let at = region.indexOf(needle); at >= 0 && at < length; at = region.indexOf(needle, at + 1)) {
          const text = region.toString(wide === 1 ? 'utf16le' : 'latin1', at, at + (wide === 1 ? 32 : 16))
          if (wanted.has(text)) found.add(text)
        }
      })
    }
  } finally {
    closeSync(memory)
  }
  return found
}

function readRegion(memory: number, region: Buffer, start: number): number {
  try {
    return readSync(memory, region, 0, region.length, start)
  } catch {
    return 0
  }
}

async function tell(child: ChildProcess, command: Record<string, unknown>): Promise<void> {
  const done = once(child, 'message')
  child.send(command)
  await done
}

const elsewhere = process.platform === 'linux' ? false : 'needs /proc'

test('fifty captured, adopted and forwarded cards, and accounts, leave no more in the memory of the vault than the receive buffer holds', {
  skip: elsewhere,
}, async t => {
  const grantKey = randomBytes(32)
  const child = fork(fileURLToPath(new URL('memory.seam.ts', import.meta.url)), {
    execArgv: ['--expose-gc'],
    env: { GRANT_KEY: grantKey.toString('hex') },
  })
  t.after(() => child.kill('SIGKILL'))
  const [first]: unknown[] = await once(child, 'message')
  assert.ok(typeof first === 'object' && first !== null && 'port' in first && child.pid !== undefined)
  const { pid } = child
  const now = Date.now()
  const grant = signGrant(grantKey, now, {
    tenant: 'ten_1',
    mode: 'test',
    captures: 1000,
    expiresAt: now + 600_000,
    nonce: 'n'.repeat(16),
    origins: [],
  })
  const post = (body: string, token = grant) =>
    fetch(`http://127.0.0.1:${String(first.port)}/capture`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    })
  const cards = numbers(0)
  const accounts = numbers(5_000)
  const payer = { kind: 'bank_account', scheme: 'ach', country: 'US', routingNumber: '110000000', name: 'Zoe Doe' }
  const bodies = {
    'card.number': (number: string) => JSON.stringify({ number, expiry_month: 12, expiry_year: 2035, security_code: '123' }),
    'payer.accountNumber': (accountNumber: string) => JSON.stringify({ payer: { ...payer, accountNumber } }),
  }
  for (const [what, kept] of [
    ['card.number', cards],
    ['payer.accountNumber', accounts],
  ] as const) {
    const wanted = new Set(kept)
    const references: string[] = []
    for (const one of kept) {
      const answer: unknown = await (await post(bodies[what](one))).json()
      assert.ok(typeof answer === 'object' && answer !== null && 'reference' in answer)
      references.push(String(answer.reference))
    }
    assert.equal(foundIn(pid, wanted).size, count, 'the search finds what is there: all of them wait in memory')
    await tell(child, { do: 'adopt', what, references })
    await tell(child, { do: 'forward', what, count })
    await tell(child, { do: 'advance', ms: 60_000 })
    await tell(child, { do: 'forward', what, count })
    await tell(child, { do: 'advance', ms: 0 })
    const left = foundIn(pid, wanted)
    t.diagnostic(`after a minute: ${left.size} of ${count} left of ${what}`)
    assert.ok(left.size <= inReceiveBuffer, `${left.size} of ${count} left of ${what}`)
  }
  const turnedAway = numbers(10_000)
  const bodyOf = (number: string) => JSON.stringify({ number, expiry_month: 12, expiry_year: 2035 })
  for (const number of turnedAway) assert.equal((await post(bodyOf(number), 'cgr_none.none')).status, 401)
  for (const number of turnedAway.slice(0, 20)) assert.equal((await post(bodyOf(number).replace('12', '13'))).status, 400)
  const refused = foundIn(pid, new Set(turnedAway))
  t.diagnostic(`of ${count} that were refused: ${refused.size}`)
  assert.ok(refused.size <= inReceiveBuffer, `${refused.size} of ${count} refused numbers left`)
  await post(`{"nothing":"${'x'.repeat(3000)}"}`)
  const later = foundIn(pid, new Set([...cards, ...accounts, ...turnedAway]))
  t.diagnostic(`after one more request of another kind: ${later.size}`)
  assert.equal(later.size, 0)
})
