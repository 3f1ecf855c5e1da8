/**
 * `bindery release-cards`: lets so many card numbers of one tenant leave the vault for the holder of one certificate, once. It writes a row of
 * the vault's own schema, which the API cannot: whoever runs it has the database.
 */
import { randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { newId } from '../src/core/id.ts'
import { newGrant, releasedMost } from '../src/vault/card-release.ts'
import { releaseGrants } from '../src/vault/card-tables.ts'
import { vaultTables } from '../src/vault/tables.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import { insert } from '../src/world/store.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

const minutesMost = 7 * 24 * 60

export async function releaseCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const asked = readAsked(args)
  const reached = await reachDatabase()
  try {
    const store = createPostgresStore({ connection: asRole(reached.connection, roles.vault), schema: 'vault', tables: vaultTables })
    try {
      await store.connect()
      const row = newGrant({ ...asked, id: newId('rgr', Date.now(), randomBytes(16)), now: Date.now() })
      const result = await store.commit([insert(releaseGrants, row)])
      if (!result.ok) throw new CliError('the grant could not be made')
      const { id, certificate, cards_max: cards, expires_at } = row
      if (asked.json) print(JSON.stringify({ grant: id, certificate_sha256: certificate, cards, expires_at: new Date(expires_at).toISOString() }))
      else print(`${id}: ${cards} cards of ${row.tenant} (${row.mode}) until ${new Date(expires_at).toISOString()}, for certificate ${certificate}`)
      return 0
    } finally {
      await store.close()
    }
  } finally {
    await reached.close()
  }
}

function readAsked(args: readonly string[]) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { tenant: text, mode: text, certificate: text, cards: text, minutes: { ...text, default: '60' }, json: { type: 'boolean' } },
  })
  const { tenant = '', mode = '', certificate = '', json = false } = values
  if (tenant === '') throw new CliError('--tenant is missing: whose cards, such as --tenant ten_01k9…')
  if (mode !== 'test' && mode !== 'live') throw new CliError('--mode must be test or live')
  return {
    ...{ tenant, mode, json },
    certificate: readCertificate(certificate),
    cards: wholeOf(values.cards ?? '', '--cards', releasedMost),
    lifeMs: wholeOf(values.minutes, '--minutes', minutesMost) * 60_000,
  } as const
}

function wholeOf(text: string, name: string, most: number): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < 1 || value > most) throw new CliError(`${name} must be a whole number from 1 to ${most}`)
  return value
}

function readCertificate(path: string): X509Certificate {
  if (path === '') throw new CliError('--certificate is missing: the file of the receiving vault’s certificate, in PEM')
  try {
    return new X509Certificate(readFileSync(path))
  } catch {
    throw new CliError(`${path} is no certificate that can be read`)
  }
}
