/** The customers' systems that hear our webhooks: sometimes down, and with a memory of what they were told. */
import { NoAnswer, type Send } from '../src/channels/channel.ts'
import type { Faults } from './faults.ts'
import type { Life } from './life.ts'
import type { Scheduler } from './scheduler.ts'

export type Received = {
  readonly url: string
  readonly event: string
  readonly instrument: string
  readonly sequence: number
  readonly status: string
}

export type Receivers = {
  /** What was taken with a 2xx, in the order it was. */
  readonly received: readonly Received[]
  send(life: Life): Send
}

export function createReceivers(scheduler: Scheduler, faults: Faults): Receivers {
  const received: Received[] = []
  return {
    received,
    send: life => async request => {
      await scheduler.sleep(scheduler.chance() * 100)
      if (life.dead()) return new Promise(() => {})
      if (faults.strikes('receiver_down')) throw new NoAnswer('the receiver is down')
      const event = JSON.parse(request.body ?? '{}')
      received.push({
        url: request.url,
        event: event.id,
        instrument: event.instrument,
        sequence: event.sequence,
        status: event.data.instrument?.status,
      })
      await scheduler.sleep(scheduler.chance() * 100)
      if (life.dead()) return new Promise(() => {})
      // Taken, and the answer lost: it comes again under the same id.
      if (faults.strikes('receiver_down')) throw new NoAnswer('the answer was lost')
      return { status: 204, headers: {}, body: '' }
    },
  }
}
