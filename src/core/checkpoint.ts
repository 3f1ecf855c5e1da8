/**
 * Checkpoints of a log: its size and root hash, signed with ed25519, as a note (C2SP `tlog-checkpoint` and `signed-note`). Anybody who keeps one
 * can tell later whether the log still contains what it contained.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** `previous`: the size of the checkpoint before it, 0 of the first; so one that is taken away is missed. Those of before have none. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer; readonly previous?: number | undefined }
/** Whose signature it is: a name without spaces or plus signs, and the public key. */
export type Verifier = { readonly name: string; readonly key: KeyObject }

const ed25519 = 1
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** From 32 random bytes. */
export const signingKey = (seed: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([seedPrefix, seed]), format: 'der', type: 'pkcs8' })

const rawOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length)

/** The first four bytes of SHA-256(name, newline, 1, public key). */
const keyId = ({ name, key }: Verifier): Buffer =>
  createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ed25519]))
    .update(rawOf(key))
    .digest()
    .subarray(0, 4)

/** The link is an extension line, as tlog-checkpoint allows: verifiers that do not know it pass over it. */
const bodyOf = ({ origin, size, root, previous }: Checkpoint): string =>
  `${origin}\n${size}\n${root.toString('base64')}\n${previous === undefined ? '' : `previous ${previous}\n`}`

export function signCheckpoint(checkpoint: Checkpoint, key: KeyObject): string {
  const body = bodyOf(checkpoint)
  const signature = Buffer.concat([keyId({ name: checkpoint.origin, key: createPublicKey(key) }), sign(null, Buffer.from(body), key)])
  return `${body}\n— ${checkpoint.origin} ${signature.toString('base64')}\n`
}

const note =
  /^([^\s+]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:previous (0|[1-9]\d{0,15})\n)?\n((?:— [^\s+]+ [A-Za-z0-9+/]+={0,2}\n){1,16})$/

/** What the note says; undefined where it is no checkpoint or this verifier has not signed it. */
export function openCheckpoint(text: string, verifier: Verifier): Checkpoint | undefined {
  const [, origin = '', size, root = '', previous, signatures = ''] = note.exec(text) ?? []
  if (size === undefined || origin !== verifier.name) return undefined
  const checkpoint = {
    origin,
    size: Number(size),
    root: Buffer.from(root, 'base64'),
    previous: previous === undefined ? undefined : Number(previous),
  }
  const body = Buffer.from(bodyOf(checkpoint))
  const id = keyId(verifier)
  for (const [, name, encoded = ''] of signatures.matchAll(/— (\S+) (\S+)\n/g)) {
    const bytes = Buffer.from(encoded, 'base64')
    if (name !== verifier.name || !bytes.subarray(0, 4).equals(id)) continue
    return verify(null, body, verifier.key, bytes.subarray(4)) ? checkpoint : undefined
  }
  return undefined
}

/** `name+hash+key`, as signed-note has it: what is given to whoever is to verify. */
export function verifierText(verifier: Verifier): string {
  const key = Buffer.concat([Buffer.from([ed25519]), rawOf(verifier.key)]).toString('base64')
  return `${verifier.name}+${keyId(verifier).toString('hex')}+${key}`
}

/** Throws a TypeError. */
export function readVerifier(text: string): Verifier {
  const [, name = '', id, encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  if (id === undefined || bytes.length !== 33 || bytes[0] !== ed25519) throw new TypeError('not the key of a checkpoint: name+hash+key')
  const key = createPublicKey({ key: Buffer.concat([publicPrefix, bytes.subarray(1)]), format: 'der', type: 'spki' })
  if (keyId({ name, key }).toString('hex') !== id) throw new TypeError('the hash of this key does not fit: a character is wrong')
  return { name, key }
}
