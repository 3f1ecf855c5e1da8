/** A policy as it comes in and goes out. */
import { z } from 'zod'
import { moneyShape, positiveMoney } from '../http/schemas.ts'
import { limitOf, type Policy } from './policy.ts'

const limit = positiveMoney.transform(limitOf)
const count = z.int('must be a whole number').min(1, 'must be at least 1').max(100_000, 'must be at most 100000')
/** The tenant's own words, such as `subscription`. */
export const purpose = z
  .string('must be a word')
  .regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be a word of 1 to 32 small letters, digits and _, such as subscription')
const purposesMax = 20

export const policyBody = z
  .strictObject({
    amount_max: limit.optional().describe('Of one charge.'),
    amount_max_per_day: limit.optional(),
    amount_max_per_month: limit.optional(),
    count_max_per_day: count.optional(),
    count_max_per_month: count.optional(),
    purposes: z
      .array(purpose)
      .min(1, 'must name a purpose')
      .max(purposesMax, `must name at most ${purposesMax} purposes`)
      .refine(list => new Set(list).size === list.length, 'must not name a purpose twice')
      .optional(),
  })
  .transform(body => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)))
  .transform((body): Policy => body)

export const policyShape = z.object({
  amount_max: moneyShape.optional(),
  amount_max_per_day: moneyShape.optional(),
  amount_max_per_month: moneyShape.optional(),
  count_max_per_day: z.int().optional(),
  count_max_per_month: z.int().optional(),
  purposes: z.array(z.string()).optional(),
})
