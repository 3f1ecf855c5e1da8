/**
 * Bulkheads: how many calls to one channel may be under way at once, of all and of one tenant. A channel that is slow fills its own room and not
 * the ship, and no tenant fills a channel's room alone. Of the 5,000 requests that a server takes on at once a channel has a fifth, and half of
 * that is one tenant's.
 */
export const bulkheadLimits = { channel: 1_000, tenant: 500 } as const

export type Bulkhead = {
  isFull(channel: string, tenant: string): boolean
  /** Undefined: there is no room. Else what is to be called when the call is over, once. */
  enter(channel: string, tenant: string): (() => void) | undefined
}

export function createBulkhead(limits: { readonly channel: number; readonly tenant: number } = bulkheadLimits): Bulkhead {
  const under = new Map<string, number>()
  const add = (name: string, by: number): void => {
    const next = (under.get(name) ?? 0) + by
    if (next > 0) under.set(name, next)
    else under.delete(name)
  }
  const isFull = (channel: string, tenant: string): boolean =>
    (under.get(channel) ?? 0) >= limits.channel || (under.get(`${channel} ${tenant}`) ?? 0) >= limits.tenant
  return {
    isFull,
    enter(channel, tenant) {
      if (isFull(channel, tenant)) return undefined
      const names = [channel, `${channel} ${tenant}`]
      for (const name of names) add(name, 1)
      let over = false
      return () => {
        if (over) return
        over = true
        for (const name of names) add(name, -1)
      }
    },
  }
}
