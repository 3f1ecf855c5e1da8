/**
 * What a restore shredded again, told to the API and the audit at the first start: what is left of it in our own rows is erased as it was before,
 * its tokens are given up, and the vault logs it. Nothing of it can be used from before the first request on.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { beginErasure } from '../instruments/erase.ts'
import { beginCustomerErasure } from '../instruments/eraseCustomer.ts'
import { carryOut } from '../instruments/settle.ts'
import { customers, instruments, type OperationRow } from '../instruments/tables.ts'
import type { World } from '../world/world.ts'
import { againFile } from './restore.ts'

const shape = z.array(z.object({ tenant: z.string(), owner: z.string() }))

/**
 * Idempotent: begins the erasures, so that nothing can be done with any of it, and puts the list aside. What is given asks the channels then, one
 * after the other, until it is told to stop; the worker does what is left.
 */
export async function eraseAgain(world: World, dataFolder: string): Promise<(stopped: AbortSignal) => Promise<void>> {
  const path = join(dataFolder, againFile)
  if (!existsSync(path)) return async () => {}
  const found = shape.parse(JSON.parse(readFileSync(path, 'utf8')))
  const asked: OperationRow[] = []
  for (const { tenant, owner: id } of found) {
    const at = { tenant, id, request: null }
    if ((await world.store.get(instruments, { tenant, id })) !== undefined) asked.push(...(await beginErasure(world, at)).asked)
    else if ((await world.store.get(customers, { tenant, id })) !== undefined) await beginCustomerErasure(world, at)
    else await world.vault.shred({ tenant, owner: id })
  }
  renameSync(path, `${path}.done`)
  if (found.length > 0) world.log.warn('what a restore had brought back was shredded, and is erased again', { owners: found.length })
  return async stopped => {
    for (const operation of asked) {
      if (stopped.aborted) return
      // The worker asks again in a minute.
      await carryOut(world, operation).catch(error => world.log.warn('giving up a token after a restore', { error: String(error) }))
    }
  }
}
