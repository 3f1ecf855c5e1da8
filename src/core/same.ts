/** Whether two pieces of plain data are the same, whatever the order of their keys; what is undefined is not there. For what a database gave back. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => same(one, b[i]))
  const [had, has] = [entries(a), entries(b)]
  return had.size === has.size && [...had].every(([name, value]) => has.has(name) && same(value, has.get(name)))
}

const entries = (of: object): ReadonlyMap<string, unknown> => new Map(Object.entries(of).filter(([, value]) => value !== undefined))
