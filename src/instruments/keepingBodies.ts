/** Reuse rules from what endpoints take, and as they are shown. */
import type { z } from 'zod'
import type { Reuse } from './reuse.ts'
import type { customerPatch } from './schemas.ts'

export function reuseOf(body: z.output<typeof customerPatch>['reuse']): Reuse {
  const { allow_redisplay, bind_again, succession } = body ?? {}
  return {
    ...(allow_redisplay === undefined ? {} : { allow_redisplay }),
    ...(bind_again === undefined ? {} : { bind_again }),
    ...(succession === undefined ? {} : { succession }),
  }
}

export const viewReuse = (reuse: Reuse) => ({
  allow_redisplay: reuse.allow_redisplay ?? null,
  bind_again: reuse.bind_again ?? null,
  succession: reuse.succession ?? null,
})
