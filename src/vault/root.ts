/**
 * The root of the key hierarchy, as everything else sees it: it wraps the few keys of purposes and opens them again, once for each process.
 * Where it lies is its own affair: `root-file.ts`, `root-shares.ts`, `root-transit.ts`, `root-pkcs11.ts`.
 */
import type { KeyObject } from 'node:crypto'
import { keyCheckValue, type Random, unwrapKey, wrapKey } from './seal.ts'

export type Root = {
  /** As the rows say that it wrapped: `file:…`, `shares:…`, `transit:…`, `pkcs11:…`. */
  readonly name: string
  /** Bound to its context: what was wrapped for one key does not open as another. */
  wrap(context: Buffer, key: Buffer): Promise<Buffer>
  /** The caller zeroes what comes back. Throws an Error where it is not what this root wrapped. */
  unwrap(context: Buffer, wrapped: Buffer): Promise<Buffer>
  /** Under the newest version of a root that has versions of its own; undefined if that is so already. The key is not opened here. */
  renewed?(context: Buffer, wrapped: Buffer): Promise<Buffer | undefined>
}

/** A root whose key is in this process: a file's, or what shares add up to. Named after its key's check value. */
export function keyRoot(kind: 'file' | 'shares', key: KeyObject, random: Random): Root {
  const bytes = key.export()
  const name = `${kind}:${keyCheckValue(bytes).toString('hex')}`
  bytes.fill(0)
  return {
    name,
    wrap: (context, wrapped) => Promise.resolve(wrapKey(random, key, context, wrapped)),
    unwrap: async (context, wrapped) => unwrapKey(key, context, wrapped),
  }
}
