/**
 * The root in a key store with the transit API of HashiCorp Vault and OpenBao: it wraps and opens, and its key never comes here. The key is a
 * derived one (`derived=true`): each request names a context, which says what is being wrapped, so that one key's wrap does not open as
 * another's. `associated_data` would say the same, but `rewrap` does not take it. The token may do `update` on encrypt, decrypt and rewrap of
 * this one key and `read` on the key, no more.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { SendBytes } from './forward.ts'
import type { Root } from './root.ts'
import { SealBroken } from './seal.ts'

export type TransitSettings = {
  /** `https://vault.internal:8200` */
  readonly address: string
  /** Where the engine is mounted: `transit`. */
  readonly mount: string
  readonly key: string
  /** Read before every call, as an agent may renew it. */
  readonly tokenFile: string
  readonly namespace?: string | undefined
}

const timeoutMs = 10_000
const failure = z.object({ errors: z.array(z.string()) })
const encrypted = z.object({ data: z.object({ ciphertext: z.string().regex(/^vault:v\d{1,9}:[A-Za-z0-9+/=]+$/) }) })
const decrypted = z.object({ data: z.object({ plaintext: z.string() }) })
const described = z.object({
  data: z.object({
    type: z.string(),
    derived: z.boolean(),
    exportable: z.boolean(),
    allow_plaintext_backup: z.boolean(),
    latest_version: z.number().int(),
  }),
})

/** The key store did not answer, or not as it should: the key itself may be well. The message says what to look at. */
export class RootAway extends Error {
  override readonly name = 'RootAway'
}

/** Looks at the key first: throws an Error for the operator when it is not one that keeps what it is given. */
export async function transitRoot(settings: TransitSettings, send: SendBytes): Promise<Root> {
  const ask = <S extends z.ZodType>(method: 'GET' | 'POST', verb: string, shape: S, body?: Readonly<Record<string, string>>) =>
    exchange(settings, send, { method, verb, body }, shape)
  const { data } = await ask('GET', 'keys', described)
  const where = `the key ${settings.key} at ${settings.address}`
  if (data.type !== 'aes256-gcm96' || !data.derived) throw new Error(`${where} must be of type aes256-gcm96 with derived=true`)
  if (data.exportable || data.allow_plaintext_backup) throw new Error(`${where} may be exported: make one that may not`)
  return {
    name: `transit:${new URL(settings.address).host}/${settings.mount}/${settings.key}`,
    async wrap(context, key) {
      const body = { plaintext: key.toString('base64'), context: context.toString('base64') }
      return Buffer.from((await ask('POST', 'encrypt', encrypted, body)).data.ciphertext, 'latin1')
    },
    async unwrap(context, wrapped) {
      const body = { ciphertext: wrapped.toString('latin1'), context: context.toString('base64') }
      return Buffer.from((await ask('POST', 'decrypt', decrypted, body)).data.plaintext, 'base64')
    },
    async renewed(context, wrapped) {
      const newest = (await ask('GET', 'keys', described)).data.latest_version
      if (Number(/^vault:v(\d+):/.exec(wrapped.toString('latin1'))?.[1] ?? 0) >= newest) return undefined
      const body = { ciphertext: wrapped.toString('latin1'), context: context.toString('base64') }
      return Buffer.from((await ask('POST', 'rewrap', encrypted, body)).data.ciphertext, 'latin1')
    },
  }
}

type Asked = { readonly method: 'GET' | 'POST'; readonly verb: string; readonly body: Readonly<Record<string, string>> | undefined }

async function exchange<S extends z.ZodType>(settings: TransitSettings, send: SendBytes, asked: Asked, shape: S): Promise<z.output<S>> {
  const token = readToken(settings.tokenFile)
  const body = asked.body === undefined ? undefined : Buffer.from(JSON.stringify(asked.body))
  const headers = {
    'x-vault-token': token,
    'x-vault-request': 'true',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(settings.namespace === undefined ? {} : { 'x-vault-namespace': settings.namespace }),
  }
  const url = `${settings.address}/v1/${settings.mount}/${asked.verb}/${settings.key}`
  const answer = await send({ method: asked.method, url, headers, body, timeoutMs }).catch((error: unknown) => {
    throw new RootAway(`the key store at ${settings.address} does not answer (${error instanceof Error ? error.message : 'unknown'})`)
  })
  body?.fill(0)
  const said = parsed(answer.body)
  answer.body.fill(0)
  const found = shape.safeParse(said)
  if (answer.status === 200 && found.success) return found.data
  const complaint = failure.safeParse(said)
  const why = complaint.success ? complaint.data.errors.join('; ') : `status ${answer.status}`
  // What it does not decrypt is not ours, or was changed; everything else is between the key store and its operator.
  if (answer.status === 400 && asked.verb !== 'keys' && !/not found/.test(why)) throw new SealBroken()
  throw new RootAway(`the key store at ${settings.address} refuses to ${asked.verb} with the key ${settings.key}: ${why}`)
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new RootAway(`the token file ${path} is not there, or not to be read by the vault`)
  }
}
