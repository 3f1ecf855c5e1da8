/** A bounded map that forgets what was not asked for the longest. */
export type Cache<T> = {
  get(name: string): T | undefined
  set(name: string, value: T): void
  delete(name: string): void
}

export function createCache<T>(max: number): Cache<T> {
  const held = new Map<string, T>()
  return {
    get(name) {
      const value = held.get(name)
      if (value === undefined) return undefined
      held.delete(name)
      held.set(name, value)
      return value
    },
    set(name, value) {
      held.delete(name)
      held.set(name, value)
      const oldest = held.size > max ? held.keys().next().value : undefined
      if (oldest !== undefined) held.delete(oldest)
    },
    delete(name) {
      held.delete(name)
    },
  }
}
