/** The load generator: so many users, each capturing a card and binding it, one after the other, over keep-alive connections. */
import { setTimeout as sleep } from 'node:timers/promises'
import { nextUnit, type Supply, type Target } from './units.ts'
import { openWire, type Wire } from './wire.ts'

export type LoadInput = {
  readonly target: Target
  readonly supply: Supply
  readonly users: number
  readonly warmMs: number
  readonly seconds: number
  /** Taken when the clock starts and when it stops. */
  readonly snapshot: () => Promise<Snapshot>
}
/** Processor time in µs, WAL in bytes, since whenever. */
export type Snapshot = { readonly pgUs: number; readonly nodeUs: number; readonly walBytes: number }
export type Measured = {
  /** Within the clock, per second. */
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly pgUs: number
  readonly nodeUs: number
  readonly walBytes: number
  /** The load generator's own, per unit. */
  readonly loadUs: number
  /** All units, those before and after the clock included. */
  readonly all: number
}

export async function load(input: LoadInput): Promise<Measured> {
  const state: State = { next: 0, done: 0, stop: false, latencies: undefined }
  const users = await Promise.all(Array.from({ length: input.users }, () => openUser(input.target)))
  const running = users.map(user => live(input, state, user))
  const failed = Promise.all(running).then(() => undefined)
  try {
    await Promise.race([sleep(input.warmMs), failed])
    const before = await input.snapshot()
    const cpu = process.cpuUsage()
    const from = performance.now()
    const latencies: number[] = []
    state.latencies = latencies
    await Promise.race([sleep(input.seconds * 1_000), failed])
    state.latencies = undefined
    const took = performance.now() - from
    const own = process.cpuUsage(cpu)
    const after = await input.snapshot()
    state.stop = true
    await failed
    return { ...summary(latencies, took, before, after), loadUs: (own.user + own.system) / latencies.length, all: state.done }
  } finally {
    state.stop = true
    for (const user of users) user.close()
  }
}

function summary(latencies: number[], tookMs: number, before: Snapshot, after: Snapshot) {
  const count = latencies.length
  const sorted = latencies.toSorted((a, b) => a - b)
  return {
    rate: (count / tookMs) * 1_000,
    p50: sorted[count >> 1] ?? Number.NaN,
    p99: sorted[Math.floor(count * 0.99)] ?? Number.NaN,
    pgUs: (after.pgUs - before.pgUs) / count,
    nodeUs: (after.nodeUs - before.nodeUs) / count,
    walBytes: (after.walBytes - before.walBytes) / count,
  }
}

type User = { readonly vault: Wire; readonly api: Wire; readonly captureHead: string; readonly bindHead: string; close(): void }

async function openUser({ address, captureUrl, apiKey }: Target): Promise<User> {
  const [door, house] = [new URL(captureUrl), new URL(address)]
  const [vault, api] = await Promise.all([openWire(door), openWire(house)])
  return {
    vault,
    api,
    captureHead: `POST ${door.pathname} HTTP/1.1\r\nhost: ${door.host}\r\ncontent-type: application/json\r\n`,
    bindHead: `POST /v1/instruments HTTP/1.1\r\nhost: ${house.host}\r\ncontent-type: application/json\r\nauthorization: Bearer ${apiKey}\r\n`,
    close() {
      vault.close()
      api.close()
    },
  }
}

type State = { next: number; done: number; stop: boolean; latencies: number[] | undefined }

async function live({ supply }: LoadInput, state: State, user: User): Promise<void> {
  while (!state.stop) {
    const unit = nextUnit(supply, state.next)
    state.next += 1
    const from = performance.now()
    const captured = await user.vault.send(`${user.captureHead}authorization: Bearer ${unit.grant}\r\n`, unit.captureBody)
    const reference = /"reference":"(cap_[0-9a-z]{26})"/.exec(captured.body)?.[1]
    if (captured.status !== 201 || reference === undefined) throw new Error(`a capture was answered ${captured.status}: ${captured.body}`)
    const bound = await user.api.send(`${user.bindHead}idempotency-key: ${unit.key}\r\n`, unit.bindBody(reference))
    if (bound.status !== 201 || !bound.body.includes('"object":"instrument"') || !bound.body.includes('"status":"active"'))
      throw new Error(`a bind was answered ${bound.status}: ${bound.body}`)
    state.latencies?.push(performance.now() - from)
    state.done += 1
  }
}
