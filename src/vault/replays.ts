/** Which wallet tokens were opened: each is good once, in whichever process of the vault and after whatever restart. */
import { hash } from 'node:crypto'
import { insert, remove, type Store } from '../world/store.ts'
import { openedTokens } from './tables.ts'

type Ports = { readonly store: Store; now(): number }
const removedAtOnce = 1000

export type Replays = {
  /** True for the first who asks; the token is remembered until then (Unix milliseconds). */
  isFirst(wallet: 'apple_pay' | 'google_pay', id: string, rememberUntilMs: number): Promise<boolean>
  /** Forgets what is refused as stale anyway; called by a timer. */
  forget(): Promise<void>
}

export function createReplays({ store, now }: Ports): Replays {
  return {
    async isFirst(wallet, id, rememberUntilMs) {
      const row = { wallet, id_hash: hash('sha256', id, 'base64url'), opened_at: now(), due_at: rememberUntilMs, clock: null }
      return (await store.commit([insert(openedTokens, row)])).ok
    },
    async forget() {
      const past = await store.due(openedTokens, { now: now(), clock: null, limit: removedAtOnce })
      await Promise.all(past.map(row => store.commit([remove(openedTokens, row)])))
    },
  }
}
