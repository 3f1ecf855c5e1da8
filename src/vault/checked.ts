import type { z } from 'zod'

/** What travels over the socket, on arrival. What does not fit is a bug of ours: a TypeError that names fields only. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new TypeError(`not what the vault expects: ${result.error.issues.map(issue => issue.path.join('.')).join(', ')}`)
}
