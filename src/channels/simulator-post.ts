/** How a served simulator's webhooks go out: in order, signed at each attempt, and again until they are taken. */
import type { StagedDelivery } from './stage.ts'

export type Delivered = {
  readonly event: string
  readonly type: string
  readonly forged: boolean
  readonly attempt: number
  readonly status: number
}

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>
export type Sign = (event: StagedDelivery['event']) => Pick<StagedDelivery, 'headers' | 'body'>
export type Post = { readonly send: (delivery: StagedDelivery) => void; readonly delivered: () => readonly Delivered[] }

/** After a failed delivery. Real channels go on for days; a sandbox for ten minutes, and restarts sooner. */
const retryAfterMs = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, ...Array<number>(20).fill(30_000)]
const deliveredMax = 10_000
const deliveryTimeoutMs = 10_000

/** Delivers in order; what is not taken is signed anew and tried again, aside, so that it does not hold up the rest. */
export function createPostman(of: {
  readonly sleep: Sleep
  readonly stop: AbortSignal
  readonly target: () => string | undefined
  readonly sign: Sign
}): Post {
  const delivered: Delivered[] = []
  let line: Promise<void> = Promise.resolve()
  const attempt = async (delivery: StagedDelivery, count: number): Promise<boolean> => {
    const target = of.target()
    if (target === undefined) return true
    const status = await hand(target, delivery, of.sleep)
    if (delivered.length >= deliveredMax) delivered.shift()
    delivered.push({ event: delivery.event.id, type: delivery.event.type, forged: delivery.forged, attempt: count, status })
    return delivery.forged || (status >= 200 && status < 300)
  }
  const retry = async (delivery: StagedDelivery): Promise<void> => {
    for (const [index, waitMs] of retryAfterMs.entries()) {
      await of.sleep(waitMs, of.stop)
      if (await attempt({ ...delivery, ...of.sign(delivery.event) }, index + 2)) return
    }
  }
  const first = async (delivery: StagedDelivery): Promise<void> => {
    if (delivery.delayMs > 0) await of.sleep(delivery.delayMs, of.stop)
    if (!of.stop.aborted && !(await attempt(delivery, 1))) retry(delivery).catch(() => undefined)
  }
  return {
    send(delivery) {
      const sent = delivery.delayMs > 0 ? first(delivery) : line.then(() => first(delivery))
      const quiet = sent.catch(() => undefined)
      if (delivery.delayMs === 0) line = quiet
    },
    delivered: () => delivered,
  }
}

/** The status the target gave, 0 when it could not be reached in time. */
async function hand(target: string, delivery: StagedDelivery, sleep: Sleep): Promise<number> {
  const answered = new AbortController()
  const late = new AbortController()
  sleep(deliveryTimeoutMs, answered.signal)
    .then(() => late.abort())
    .catch(() => undefined)
  try {
    const { headers, body } = delivery
    const answer = await fetch(target, { method: 'POST', headers: { ...headers }, body, redirect: 'manual', signal: late.signal })
    await answer.arrayBuffer()
    return answer.status
  } catch {
    return 0
  } finally {
    answered.abort()
  }
}
