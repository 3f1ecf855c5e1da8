/**
 * The root in a PKCS#11 token (an HSM, or SoftHSM2 for tests): a secret that never leaves it. The token computes an HMAC over a fresh salt and
 * what is being wrapped, and that is the key of one wrap: HMAC-SHA-256 is what every token has, where AES-GCM with our own context and
 * CKM_AES_KEY_WRAP are not. A wrap is `salt 32 ‖ iv 12 ‖ ciphertext 32 ‖ tag 16`.
 *
 * The token is reached through OpenSC's `pkcs11-tool`, a few times in the life of a process. A native module would be quicker and is one more
 * thing built on the machine, inside the process that holds card numbers.
 */
import { execFile } from 'node:child_process'
import { createHash, createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Root } from './root.ts'
import { type Random, SealBroken, unwrapKey, wrapKey } from './seal.ts'

export type Pkcs11Settings = {
  /** The token's library: `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly module: string
  /** Labels of the token and of its secret key. */
  readonly token: string
  readonly key: string
  readonly pinFile: string
  /** Default: `pkcs11-tool`, found in PATH. */
  readonly tool?: string | undefined
}

const saltLength = 32
const timeoutMs = 20_000
const label = Buffer.from('bindery root wrap 1')
const pinVariable = 'BINDERY_TOKEN_PIN'

/** Looks at the key first. Throws an Error for the operator. */
export async function pkcs11Root(settings: Pkcs11Settings, random: Random): Promise<Root> {
  const access = await accessOf(settings)
  if (!/never extractable/.test(access))
    throw new Error(`the key ${settings.key} in the token ${settings.token} can be taken out (${access})`)
  const wrapping = async (salt: Buffer, context: Buffer) => {
    const about = createHash('sha256').update(context).digest()
    const derived = await ask(settings, ['--sign', '-m', 'SHA256-HMAC', '--label', settings.key], Buffer.concat([label, salt, about]))
    if (derived.length !== 32) throw new Error(`the token ${settings.token} gave ${derived.length} bytes where 32 were expected`)
    const key = createSecretKey(derived)
    derived.fill(0)
    return key
  }
  return {
    name: `pkcs11:${settings.token}/${settings.key}`,
    async wrap(context, key) {
      const salt = random(saltLength)
      return Buffer.concat([salt, wrapKey(random, await wrapping(salt, context), context, key)])
    },
    async unwrap(context, wrapped) {
      if (wrapped.length <= saltLength) throw new SealBroken()
      return unwrapKey(await wrapping(wrapped.subarray(0, saltLength), context), context, wrapped.subarray(saltLength))
    },
  }
}

/** What may be done with the one key of this label. The tool lists all keys whatever label it is given, and the value of those that show it. */
async function accessOf(settings: Pkcs11Settings): Promise<string> {
  const listed = await ask(settings, ['--list-objects', '--type', 'secrkey'])
  const found = listed
    .toString('latin1')
    .split('Secret Key Object')
    .filter(one => /^\s*label:\s*(.*?)\s*$/m.exec(one)?.[1] === settings.key)
  listed.fill(0)
  const [only] = found
  if (only === undefined) throw new Error(`the token ${settings.token} has no secret key ${settings.key}`)
  if (found.length > 1)
    throw new Error(`the token ${settings.token} has ${found.length} secret keys ${settings.key}: give one another label`)
  return /Access:\s*(.*)/.exec(only)?.[1] ?? 'nothing is said of it'
}

/** The PIN travels in the environment of the tool, never on its command line. */
function ask(settings: Pkcs11Settings, what: readonly string[], input?: Buffer): Promise<Buffer> {
  const { module, token, tool = 'pkcs11-tool' } = settings
  const args = ['--module', module, '--token-label', token, '--login', '--pin', `env:${pinVariable}`, ...what]
  const env = { ...process.env, [pinVariable]: readFileSync(settings.pinFile, 'utf8').trim() }
  return new Promise((resolve, reject) => {
    const child = execFile(tool, args, { env, timeout: timeoutMs, maxBuffer: 64 * 1024, encoding: 'buffer' }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const said = stderr.toString('latin1').trim().split('\n').at(-1) ?? ''
      const missing = 'code' in error && error.code === 'ENOENT'
      reject(new Error(missing ? `${tool} is not installed (Debian: opensc)` : `the token ${token} does not answer: ${said}`))
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
