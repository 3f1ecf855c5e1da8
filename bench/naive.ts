/**
 * The twin: the same job as the product's, written well in the usual way. fastify; one transaction for the intent, one for the outcome;
 * prepared statements, one after the other; a pool of connections. Sealing, schemas and hashes are the product's own functions, in process.
 * Started by bind.ts.
 */
import { createHmac, createSecretKey, hash, randomBytes, randomFillSync } from 'node:crypto'
import fastify from 'fastify'
import pg from 'pg'
import { z } from 'zod'
import { verifyGrant } from '../src/core/grant.ts'
import { idBytes, newId } from '../src/core/id.ts'
import { hashOf, newKey } from '../src/http/auth.ts'
import { readKey } from '../src/http/idempotency.ts'
import { bindBody } from '../src/instruments/schemas.ts'
import { networkFingerprint, tenantFingerprint } from '../src/vault/fingerprint.ts'
import { createRandomPool } from '../src/vault/pool.ts'
import { sealRecord } from '../src/vault/record.ts'
import { forget, type ScannedCard, scanCapture } from '../src/vault/scan.ts'
import { announce, settingsOf } from './child.ts'
import { type Bind, jsonHeaders } from './twin-rows.ts'
import { intentOf, outcomeStatements, type Statement } from './twin-sql.ts'

const settings = settingsOf(
  z.object({ connection: z.object({ host: z.string(), port: z.number(), user: z.string(), database: z.string() }) }),
)
const random = createRandomPool(buffer => randomFillSync(buffer))
const clock = { now: () => Date.now(), random }
const grantKey = randomBytes(32)
const onceKey = createSecretKey(randomBytes(32))
const networkKey = createSecretKey(randomBytes(32))
const tenantKey = createSecretKey(randomBytes(32))
const kek = { id: randomBytes(16), version: 1, key: createSecretKey(randomBytes(32)) }
const apiKey = newKey(clock, 'test', 'secret')
const tenant = newId('ten', Date.now(), random(idBytes))

type Captured = { readonly card: ScannedCard; readonly network: Buffer; readonly fingerprint: string; readonly at: number }
const captures = new Map<string, Captured>()
/** The caller of a key is remembered, as the product does. */
const callers = new Map([[hashOf(apiKey), tenant]])

let pool = poolOf(16)
function poolOf(size: number): pg.Pool {
  const made = new pg.Pool({ ...settings.connection, max: size })
  made.on('error', () => undefined)
  return made
}
/** The load generator says how many connections the next run is to have. */
process.on('message', message => {
  const { poolSize } = z.object({ poolSize: z.number() }).parse(message)
  const old = pool
  pool = poolOf(poolSize)
  void old.end()
})

const app = fastify({ logger: false, bodyLimit: 65_536 })
// As bytes: a card is never made a string, and the hash that stands beside the Idempotency-Key is over them.
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

app.post('/capture', (request, reply) => {
  const grant = verifyGrant(grantKey, Date.now(), (request.headers.authorization ?? '').slice('Bearer '.length))
  if (grant === undefined || !Buffer.isBuffer(request.body)) return reply.code(401).send({ detail: 'a capture needs a grant' })
  const card = scanCapture(request.body, Date.now())
  request.body.fill(0)
  const network = networkFingerprint(networkKey, card.number)
  const reference = newId('cap', Date.now(), random(idBytes))
  captures.set(reference, { card, network, fingerprint: tenantFingerprint(tenantKey, 'test', network), at: Date.now() })
  const { brand, last4, expiryMonth, expiryYear } = card
  const expires = new Date(Date.now() + 900_000).toISOString()
  return reply.code(201).send({ reference, brand, last4, expiry_month: expiryMonth, expiry_year: expiryYear, expires_at: expires })
})

app.post('/v1/instruments', async (request, reply) => {
  const caller = callers.get(hashOf((request.headers.authorization ?? '').slice('Bearer '.length)))
  if (caller === undefined) return reply.code(401).send({ detail: 'no such key' })
  if (!Buffer.isBuffer(request.body)) return reply.code(400).send({ detail: 'a body is needed' })
  const body = bindBody.safeParse(JSON.parse(request.body.toString()))
  if (!body.success) return reply.code(400).send({ detail: z.prettifyError(body.error) })
  const key = readKey(String(request.headers['idempotency-key']))
  const hashed = createHmac('sha256', onceKey).update(`POST ${request.url}\n`).update(request.body).digest('hex')
  const captured = captures.get(body.data.card?.capture ?? '')
  if (captured === undefined) return replay(caller, key, hashed, reply)
  const bind = bindOf(caller, body.data, captured, { key, hash: hashed })
  const sealed = seal(bind, captured)
  const refused = await transaction(intentOf(bind, sealed))
  if (refused === 'insert idempotency') return replay(caller, key, hashed, reply)
  if (refused !== undefined) return reply.code(refused === 'read customer' ? 422 : 409).send({ detail: refused })
  captures.delete(bind.capture)
  forget(captured.card)
  const { statements, answer } = outcomeStatements(bind, Date.now())
  if ((await transaction(statements)) !== undefined) return reply.code(500).send({ detail: 'changed meanwhile' })
  return reply
    .code(201)
    .headers({ ...jsonHeaders, 'request-id': bind.ids.request, 'cache-control': 'no-store' })
    .send(answer)
})

function bindOf(caller: string, body: z.output<typeof bindBody>, captured: Captured, idempotency: Bind['idempotency']): Bind {
  const now = Date.now()
  const { customer } = body
  const id = (prefix: 'ins' | 'bnd' | 'opn' | 'fct' | 'evt' | 'req'): string => newId(prefix, now, random(idBytes), customer)
  const ids = { instrument: id('ins'), binding: id('bnd'), operation: id('opn'), fact: id('fct'), event: id('evt'), request: id('req') }
  const { brand, last4, bin, expiryMonth, expiryYear, securityCode, holder } = captured.card
  const card = { brand, last4, bin, expiryMonth, expiryYear, fingerprint: captured.fingerprint }
  const proof = createHmac('sha256', onceKey).update(`return|${ids.operation}`).digest('base64url').slice(0, 22)
  const { client, consent } = body
  return {
    now,
    tenant: caller,
    customer,
    ids,
    idempotency,
    capture: body.card?.capture ?? '',
    card: { ...card, securityCode: securityCode !== undefined, holder: holder !== undefined },
    returnUrl: body.return_url,
    ourReturnUrl: `http://127.0.0.1:54321/return/${ids.operation}.${proof}`,
    client: { ip: client?.ip ?? null, userAgent: client?.user_agent ?? null, device: client?.device ?? null },
    consent:
      consent === undefined
        ? null
        : {
            textVersion: consent.text_version,
            acceptedAt: consent.accepted_at,
            ip: consent.ip ?? null,
            userAgent: consent.user_agent ?? null,
          },
    metadata: body.metadata ?? {},
  }
}

function seal(b: Bind, { card, network, fingerprint }: Captured) {
  const { number, holder, securityCode: _, ...shown } = card
  const { expiryMonth, expiryYear } = card
  const at = { tenant: b.tenant, mode: 'test' as const, instrument: b.ids.instrument, instrumentVersion: 1, operation: b.ids.operation }
  const referenceHash = `${b.capture.slice(4, 14)}.${hash('sha256', b.capture, 'base64url').slice(0, 22)}`
  const facts = { kind: 'card', ...shown, holder: holder !== undefined } as const
  const secrets = { number, holder, expiryMonth, expiryYear }
  const { dek, record } = sealRecord(clock, kek, { ...at, referenceHash, prints: { network, tenant: fingerprint }, facts, secrets })
  return { dek: dek.row, record: record.row }
}

/** One statement after the other. Each touches one row; the name of the first that does not, after rolling back. */
async function transaction(statements: readonly Statement[]): Promise<string | undefined> {
  const client = await pool.connect()
  try {
    await client.query({ name: 'begin', text: 'begin' })
    for (const { name, text, values } of statements) {
      const result = await client.query({ name, text, values: [...values] })
      if (result.rowCount === 1) continue
      await client.query({ name: 'rollback', text: 'rollback' })
      return name
    }
    await client.query({ name: 'commit', text: 'commit' })
    return undefined
  } catch (error) {
    await client.query({ name: 'rollback', text: 'rollback' })
    if (error instanceof pg.DatabaseError && error.code === '23505') return error.constraint ?? 'a row in the way'
    throw error
  } finally {
    client.release()
  }
}

async function replay(caller: string, key: string, hashed: string, reply: fastify.FastifyReply) {
  const text = 'select hash, state, status, body from bindery.idempotency where tenant = $1 and mode = $2 and key = $3'
  const { rows } = await pool.query<{ hash: string; state: string; status: number; body: string }>(text, [caller, 'test', key])
  const [row] = rows
  if (row === undefined) return reply.code(410).send({ detail: 'has lapsed, was used, or was never captured' })
  if (row.hash !== hashed) return reply.code(422).send({ detail: 'this key was used with another request' })
  if (row.state !== 'done') return reply.code(409).send({ detail: 'still running' })
  return reply.code(row.status).headers(jsonHeaders).send(row.body)
}

const address = await app.listen({ port: 0, host: '127.0.0.1' })
announce({ address, captureUrl: `${address}/capture`, apiKey, tenant, grantKey: grantKey.toString('hex') }, async () => {
  await app.close()
  await pool.end()
})
