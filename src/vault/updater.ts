/**
 * Account updating as the vault does it: files of card numbers are written here, sealed for the updater, and what comes back is opened here.
 * Whoever asks learns advice, last four, expiry and fingerprint; a new number is sealed as a new version of its instrument and goes nowhere.
 */
import { createHash } from 'node:crypto'
import { binLength, brandOf } from '../core/pan.ts'
import { Problem } from '../core/problem.ts'
import { FileBroken, type FileKeys, openFile, privateKeyOf, publicKeyOf, sealFile } from '../core/sealed-file.ts'
import { BadFile, type Inquiry, type Result, readResults, writeInquiries } from '../core/updater-file.ts'
import { insert, type Store } from '../world/store.ts'
import type { Captured, CardOwner, UpdaterDesk } from '../world/world.ts'
import { type CardSecrets, copyOf, type Facts, factsOf, forgetSecrets, viewOf } from './content.ts'
import { printsOf } from './fingerprint.ts'
import type { Keyring } from './keys.ts'
import { findRecord, openRecord, purposeOf, sealRecord } from './record.ts'
import type { UpdaterSettings } from './settings.ts'
import type { Trail } from './trail.ts'

/** By the updater's name. Only these are files sealed for: whoever calls cannot name a key of its own. */
export type UpdaterKeys = ReadonlyMap<string, FileKeys>

export const keysOfUpdaters = (settings: UpdaterSettings): UpdaterKeys =>
  new Map(
    settings.map(([name, { own, other }]) => {
      const bytes = Buffer.from(own, 'base64url')
      const keys = { own: privateKeyOf(bytes), other: publicKeyOf(other) }
      bytes.fill(0)
      return [name, keys]
    }),
  )

type Ports = { readonly store: Store; now(): number; random(count: number): Buffer }
type Desk = { readonly ports: Ports; readonly keyring: Keyring; readonly trail: Trail; readonly keys: UpdaterKeys }

export function createUpdaterDesk(ports: Ports, of: Pick<Desk, 'keyring' | 'trail'>, keys: UpdaterKeys): UpdaterDesk {
  const desk: Desk = { ports, ...of, keys }
  return {
    writeInquiries: input => write(desk, input),
    readAdvices: input => Promise.resolve(read(desk, input)),
    sealAdvices: input => seal(desk, input),
    renew: input => renew(desk, input),
  }
}

const keysOf = ({ keys }: Desk, updater: string): FileKeys => {
  const found = keys.get(updater)
  if (found === undefined) throw new Problem('gone', `the vault has no keys of the updater ${updater}`)
  return found
}
/** What a file is, so that none can be taken for another run's, another tenant's, or the one that went the other way. */
const contextOf = (way: 'inquiry' | 'result', { run }: { readonly run: string }): string => `${way}|${run}`

type Asked = Parameters<UpdaterDesk['writeInquiries']>[0]

async function write(desk: Desk, input: Asked): ReturnType<UpdaterDesk['writeInquiries']> {
  const keys = keysOf(desk, input.updater)
  const inquiries: Inquiry[] = []
  const left: number[] = []
  await desk.trail.write(
    input.lines.map(({ instrument, instrumentVersion }) => ({
      ...({ act: 'inquire', tenant: input.tenant, purpose: 'account_updater', operation: input.run, detail: input.updater } as const),
      subject: `${instrument}@${instrumentVersion}`,
    })),
  )
  try {
    for (const { line, instrument, instrumentVersion } of input.lines) {
      const secrets = await cardOf(desk, { tenant: input.tenant, mode: input.mode, instrument, instrumentVersion })
      if (secrets === undefined) left.push(line)
      else inquiries.push({ line, ...secrets })
    }
    const plain = writeInquiries({ run: input.run, updater: input.updater, on: input.on }, inquiries)
    try {
      return { file: sealFile(desk.ports.random, keys, contextOf('inquiry', input), plain).toString('base64'), left }
    } finally {
      plain.fill(0)
    }
  } finally {
    for (const one of inquiries) one.number.fill(0)
  }
}

/** Undefined: nothing is sealed there, or what is sealed is no card that a customer typed. */
async function cardOf(desk: Desk, owner: CardOwner): Promise<CardSecrets | undefined> {
  const row = await findRecord(desk.ports.store, owner)
  if (row?.kind !== 'card' || row.mode !== owner.mode) return undefined
  const secrets = await openRecord(desk.ports, desk.keyring, owner)
  return 'values' in secrets ? undefined : secrets
}

type File = Parameters<UpdaterDesk['readAdvices']>[0]

/** Opens, judges and hands over what is in the file; it is zeroed when `use` is done. Throws `BadFile` or `FileBroken`. */
async function opened<T>(desk: Desk, input: File, use: (results: readonly Result[]) => Promise<T> | T): Promise<T> {
  const plain = openFile(keysOf(desk, input.updater), contextOf('result', input), Buffer.from(input.file, 'base64'))
  try {
    return await use(readResults(plain, { run: input.run, updater: input.updater, lines: new Set(input.lines) }))
  } finally {
    plain.fill(0)
  }
}

async function read(desk: Desk, input: File): ReturnType<UpdaterDesk['readAdvices']> {
  try {
    return await opened(desk, input, results => ({
      kind: 'read' as const,
      advices: results.map(({ line, advice, number, expiry }) => ({
        line,
        advice,
        ...(number === undefined ? {} : { last4: number.toString('latin1', number.length - 4) }),
        ...(expiry === undefined ? {} : { expiry }),
      })),
    }))
  } catch (error) {
    if (error instanceof BadFile) return { kind: 'refused', line: error.line, detail: error.detail }
    if (error instanceof FileBroken) return { kind: 'refused', line: 0, detail: error.message }
    throw error
  }
}

async function seal(desk: Desk, input: Parameters<UpdaterDesk['sealAdvices']>[0]): ReturnType<UpdaterDesk['sealAdvices']> {
  const lines = input.wanted.map(one => one.line)
  return opened(desk, { ...input, lines: input.lines }, async results => {
    const out: { readonly line: number; readonly card: Captured | undefined }[] = []
    for (const wanted of input.wanted) {
      const result = results.find(one => one.line === wanted.line)
      if (result?.expiry === undefined || !lines.includes(result.line)) {
        out.push({ line: wanted.line, card: undefined })
        continue
      }
      const owner = { tenant: input.tenant, mode: input.mode, instrument: wanted.instrument, instrumentVersion: wanted.from }
      const to = { version: wanted.instrumentVersion, operation: `${input.run}:${wanted.line}`, ...result, expiry: result.expiry }
      out.push({ line: wanted.line, card: await sealVersion(desk, owner, to) })
    }
    return out
  })
}

function renew(desk: Desk, input: Parameters<UpdaterDesk['renew']>[0]): ReturnType<UpdaterDesk['renew']> {
  const { from, instrumentVersion, operation, expiry, ...rest } = input
  return sealVersion(desk, { ...rest, instrumentVersion: from }, { version: instrumentVersion, operation, expiry })
}

type Renewed = {
  readonly version: number
  readonly operation: string
  readonly number?: Buffer | undefined
  readonly expiry: { readonly year: number; readonly month: number }
}

/** The same card under a new version, with what is new of it. The same words again get the same answer. */
async function sealVersion(desk: Desk, owner: CardOwner, to: Renewed): Promise<Captured | undefined> {
  const { tenant, instrument, instrumentVersion } = owner
  const told = { act: 'renew', tenant, purpose: 'new_version', operation: to.operation, detail: `to ${to.version}` } as const
  await desk.trail.write([{ ...told, subject: `${instrument}@${instrumentVersion}` }])
  const before = await cardOf(desk, owner)
  if (before === undefined) return undefined
  const secrets: CardSecrets = {
    number: to.number === undefined ? copyOf(before.number) : copyOf(to.number),
    holder: before.holder === undefined ? undefined : copyOf(before.holder),
    expiryMonth: to.expiry.month,
    expiryYear: to.expiry.year,
  }
  try {
    const facts = shownOf(secrets)
    const prints = await printsOf(desk.keyring, owner, secrets.number)
    const at = { ...owner, instrumentVersion: to.version }
    const referenceHash = createHash('sha256').update(`${owner.instrument}|${to.operation}`).digest('base64url')
    const kek = await desk.keyring.wrapping(purposeOf(facts), owner.tenant)
    const writes = sealRecord(desk.ports, kek, { ...at, operation: to.operation, prints, facts, secrets, referenceHash })
    const result = await desk.ports.store.commit([insert(writes.dek.table, writes.dek.row), insert(writes.record.table, writes.record.row)])
    if (result.ok) return viewOf(facts, prints.tenant, false)
    const row = await findRecord(desk.ports.store, at)
    return row?.operation === to.operation ? viewOf(factsOf(row), row.fingerprint ?? undefined, false) : undefined
  } finally {
    forgetSecrets(secrets)
    forgetSecrets(before)
  }
}

function shownOf({ number, holder, expiryMonth, expiryYear }: CardSecrets): Facts {
  const brand = brandOf(number)
  return {
    kind: 'card',
    brand,
    bin: number.toString('latin1', 0, binLength(brand, number.length)),
    last4: number.toString('latin1', number.length - 4),
    expiryMonth,
    expiryYear,
    holder: holder !== undefined,
  }
}
