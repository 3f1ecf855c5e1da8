/** How a safeguard says no. */
import { Problem } from '../core/problem.ts'

/** One answer for every layer: nothing in it says which, or what would have to be different. */
export const refusal = (): Problem => new Problem('refused', 'This cannot be bound.')
export const isRefusal = (error: unknown): boolean => error instanceof Problem && error.code === 'refused'

/** The challenge, if that is what the error is. */
export const challengeOf = (error: unknown): string | undefined =>
  error instanceof Problem && error.code === 'proof_wanted' ? error.errors[0]?.detail : undefined
