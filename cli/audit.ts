/**
 * `npx bindery audit verify`: the vault's audit, row by row, against its checkpoints and those that a witness kept. It changes nothing. The key is
 * what the vault wrote into `audit-key.txt` when it first ran; keep a copy of it, and of `audit-witness.txt`, where the database's administrators
 * cannot write.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { auditNotes, auditRows } from '../src/audit/queries.ts'
import { type Finding, verifyAudit } from '../src/audit/verify.ts'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { readVerifier, type Verifier } from '../src/core/checkpoint.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { CliError } from './caller.ts'
import { poolOf, reachDatabase } from './verify.ts'

const usage = 'npx bindery audit verify [--key <text or file>] [--witness <file>] [--json]'

export async function auditCommand([name, ...args]: readonly string[]): Promise<number> {
  if (name !== 'verify') throw new CliError(usage)
  const { values } = parseArgs({
    args: [...args],
    options: { key: { type: 'string' }, witness: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  const folder = loadConfig([...channels.values()]).dataFolder
  const verifier = verifierOf(values.key ?? join(folder, 'audit-key.txt'))
  const witness = values.witness ?? join(folder, 'audit-witness.txt')
  if (values.witness !== undefined && !existsSync(witness)) throw new CliError(`there is no ${witness}`)
  const witnessed = existsSync(witness) ? notesIn(readFileSync(witness, 'utf8')) : []
  const reached = await reachDatabase()
  const pool = poolOf({ ...asRole(reached.connection, roles.vault), max: 1 })
  try {
    const found = await verifyAudit({ rows: auditRows(pool), notes: await auditNotes(pool), witnessed, verifier })
    if (values.json) console.log(JSON.stringify(found))
    else {
      for (const one of found.findings) console.log(sentence(one))
      console.log(`${found.rows} rows, ${found.checkpoints} checkpoints, ${found.witnessed} witnessed, ${found.findings.length} findings`)
      if (witnessed.length === 0) console.log('Without checkpoints of a witness nobody can tell whether the end was cut off together with its checkpoints.')
    }
    return found.findings.length === 0 ? 0 : 1
  } finally {
    await pool.end()
    await reached.close()
  }
}

const words: Readonly<Record<Finding['kind'], string>> = {
  chain: 'is not what followed the row before it: one of the two was edited, put there or put elsewhere',
  missing: 'is missing, or some of them are',
  root: 'is not what was signed',
  unsigned: 'is covered by no checkpoint: rows were added, or checkpoints taken away',
  signature: 'has a checkpoint that is not ours',
  checkpoint: 'had a checkpoint that is not there any more',
}
const sentence = ({ kind, from, to }: Finding): string => `row ${from === to ? from : `${from} to ${to}`} ${words[kind]}`


/** Given as text, or as a file that holds it. */
function verifierOf(given: string): Verifier {
  const text = given.includes('+') && !existsSync(given) ? given : undefined
  if (text === undefined && !existsSync(given)) throw new CliError(`there is no ${given}: --key gives the public key of the audit`)
  try {
    return readVerifier(text ?? readFileSync(given, 'utf8'))
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : usage)
  }
}

/** Checkpoints one after the other, an empty line between them; each has one inside. */
export function notesIn(text: string): readonly string[] {
  return [...text.matchAll(/[^\n]+\n\d+\n[^\n]+\n(?:previous \d+\n)?\n(?:— [^\n]+\n)+/g)].map(([one]) => one)
}
