/** The third way: the same rows in the same two transactions, written by pgbench, a C program: prepared statements, nothing else to do. */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { ColumnType } from '../src/world/table.ts'
import type { Bind } from './twin-rows.ts'
import { intentOf, outcomeStatements, type Statement, type Value } from './twin-sql.ts'

const debianFolder = '/usr/lib/postgresql/15/bin'

/** The program, or undefined where it is not installed. */
export function findPgbench(): string | undefined {
  return [debianFolder, ...(process.env.PATH ?? '').split(delimiter)].map(folder => join(folder, 'pgbench')).find(path => existsSync(path))
}

/** Customers that exist in the database pgbench writes to; units go round them. */
export const pgbenchCustomers = 100_000
export const pgbenchTenant = 'ten_01k9zq3v7m7t4q2m8x0c9d1efg'
const time = '01k9zq3v7m'
export const pgbenchCustomer = (index: number): string => `cus_${time}${String(index).padStart(16, '0')}`

// In the sample's texts these stand for what differs from unit to unit: the unit's number, its customer's, and 16 random digits.
const unitMark = '~'.repeat(16)
const customerMark = '#'.repeat(16)
const chanceMark = '%'.repeat(16)
const expressions: Readonly<Record<string, string>> = {
  [unitMark]: `lpad(:n::text, 16, '0')`,
  [customerMark]: `lpad(:c::text, 16, '0')`,
  [chanceMark]: `lpad(:r::text, 16, '0')`,
}

/** The script: one unit a run. `:base` and `:i` come from the command line. */
export function pgbenchScript(): string {
  const now = Date.now()
  const bind = sample(now)
  const statements = [...intentOf(bind, sealedSample(bind, now)).map(one => `${literal(one)};`)]
  const outcome = outcomeStatements(bind, now + 5).statements.map(one => `${literal(one)};`)
  const lines = [
    '\\set i :i + 1',
    '\\set n :base + :i * 64 + :client_id',
    `\\set c :n % ${pgbenchCustomers}`,
    '\\set r random(1000000000000000, 9007199254740991)',
    'begin;',
    ...statements,
    'commit;',
    'begin;',
    ...outcome,
    'commit;',
  ]
  return `${lines.join('\n')}\n`
}

function sample(now: number): Bind {
  const id = (prefix: string): string => `${prefix}_${time}${unitMark}`
  return {
    now,
    tenant: pgbenchTenant,
    customer: `cus_${time}${customerMark}`,
    ids: { instrument: id('ins'), binding: id('bnd'), operation: id('opn'), fact: id('fct'), event: id('evt'), request: id('req') },
    idempotency: { key: `${chanceMark}-4a6e-8b2b-55dcf1ea1`, hash: 'a'.repeat(64) },
    capture: id('cap'),
    card: {
      brand: 'visa',
      last4: '4242',
      bin: '42424242',
      expiryMonth: 12,
      expiryYear: 2030,
      fingerprint: `ifp_${chanceMark}${unitMark}`,
      securityCode: true,
      holder: true,
    },
    returnUrl: 'https://shop.example/cards/back',
    ourReturnUrl: `http://127.0.0.1:54321/return/${id('opn')}.${'p'.repeat(22)}`,
    client: { ip: '203.0.113.77', userAgent: agent, device: 'd_123456' },
    consent: { textVersion: 'save-card-2026-11', acceptedAt: now, ip: '203.0.113.77', userAgent: agent },
    metadata: { cart: '123456' },
  }
}

const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

function sealedSample(b: Bind, now: number) {
  const owner = { tenant: b.tenant, instrument: b.ids.instrument, instrument_version: 1 }
  const { brand, bin, last4, expiryMonth, expiryYear, holder, fingerprint } = b.card
  return {
    dek: {
      tenant: b.tenant,
      owner: b.ids.instrument,
      owner_version: 1,
      id: Buffer.alloc(16, 7),
      purpose: 'pan',
      key_version: 1,
      wrapped: Buffer.alloc(60, 8),
      created_at: now,
    },
    record: {
      ...owner,
      mode: 'test',
      kind: 'card',
      field: 'card',
      // 138 bytes around 4 + 16 digits + 12 letters of a name.
      envelope: Buffer.alloc(170, 9),
      operation: b.ids.operation,
      reference: `${time}.${unitMark}aaaaaa`,
      network_fingerprint: Buffer.alloc(32, 1),
      fingerprint,
      brand,
      bin,
      last4,
      expiry_month: expiryMonth,
      expiry_year: expiryYear,
      holder,
      scheme: null,
      eci: null,
      country: null,
      held: null,
      tail: null,
      adopted_at: now,
      due_at: now + 3_600_000,
      clock: null,
    },
  }
}

/** A statement with its values written into it, since a script has no parameters but numbers. */
function literal({ text, values, types }: Statement): string {
  return text.replaceAll(/\$(\d+)/g, (_, place: string) => {
    const index = Number(place) - 1
    return valueLiteral(values[index] ?? null, types[index])
  })
}

function valueLiteral(value: Value, type: ColumnType | undefined): string {
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  // The index over it is random by nature, so this one must be.
  if (Buffer.isBuffer(value)) return value.length === 32 ? 'sha256(int8send(:r))' : `'\\x${value.toString('hex')}'`
  if (type === 'json' || value.startsWith('{')) return `'${plain(value)}'`
  const parts = value.split(/(~{16}|#{16}|%{16})/).filter(part => part !== '')
  return parts.map(part => expressions[part] ?? `'${part.replaceAll("'", "''").replaceAll(/:(?=[a-z])/gi, `:' || '`)}'`).join(' || ')
}

/** In documents the ids stand still: they are as long as they would be. A colon before a letter would be taken for a variable. */
const plain = (text: string): string => text.replaceAll(/[~#%]{16}/g, '0123456789012345').replaceAll(/:(?=[a-z])/gi, ': ')

export type PgbenchRun = { readonly rate: number; readonly units: number }
export type PgbenchInput = {
  readonly program: string
  readonly folder: string
  readonly connection: { readonly host: string; readonly port: number; readonly user: string; readonly database: string }
  readonly clients: number
  readonly seconds: number
  /** Numbers below it were used by runs before. */
  readonly base: number
}

export async function runPgbench(input: PgbenchInput): Promise<PgbenchRun> {
  const { host, port, user, database } = input.connection
  const script = join(input.folder, 'bind.sql')
  writeFileSync(script, pgbenchScript())
  const args = ['-h', host, '-p', String(port), '-U', user, '-M', 'prepared', '-n', '-c', String(input.clients), '-j', '2']
  args.push('-T', String(Math.max(1, Math.round(input.seconds))), '-D', `base=${input.base}`, '-D', 'i=0', '-f', script, database)
  const child = spawn(input.program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const code = await new Promise(resolve => child.on('close', resolve).on('error', () => resolve(-1)))
  const rate = /^tps = ([\d.]+)/m.exec(output)?.[1]
  const units = /transactions actually processed: (\d+)/.exec(output)?.[1]
  const failed = /failed transactions: ([1-9]\d*)/.test(output)
  if (code !== 0 || rate === undefined || units === undefined || failed) throw new Error(`pgbench: ${output}`)
  return { rate: Number(rate), units: Number(units) }
}
