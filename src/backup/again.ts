/**
 * What a restore shredded again, told to the API and the audit at the first start: what is left of it in our own rows is erased as it was before,
 * its tokens are given up, and the vault logs it. Nothing of it can be used from before the first request on.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { beginErasure } from '../instruments/erase.ts'
import { beginCustomerErasure } from '../instruments/eraseCustomer.ts'
import { customers, instruments } from '../instruments/tables.ts'
import type { World } from '../world/world.ts'
import { againFile } from './restore.ts'

const shape = z.array(z.object({ tenant: z.string(), owner: z.string() }))

/** Idempotent: begins the erasures, which the worker carries out, and puts the list aside. Gives how many there were. */
export async function eraseAgain(world: World, dataFolder: string): Promise<number> {
  const path = join(dataFolder, againFile)
  if (!existsSync(path)) return 0
  const found = shape.parse(JSON.parse(readFileSync(path, 'utf8')))
  for (const { tenant, owner: id } of found) {
    const at = { tenant, id, request: null }
    if ((await world.store.get(instruments, { tenant, id })) !== undefined) await beginErasure(world, at)
    else if ((await world.store.get(customers, { tenant, id })) !== undefined) await beginCustomerErasure(world, at)
    else await world.vault.shred({ tenant, owner: id })
  }
  renameSync(path, `${path}.done`)
  world.log.warn('what a restore had brought back was shredded, and is erased again', { owners: found.length })
  return found.length
}
