/**
 * Adoption: what was captured is sealed for good under an instrument, by the words of one operation. The sealing may be done ahead, while
 * the instrument's intent is still being written: the row is then there, the capture stays what it is, and only the adoption uses it up.
 *
 * Sealing ahead moves a commit off the way of a bind and weakens nothing: no number leaves before an adoption, which waits for the row. Had we
 * sent while the seal was under way instead, a vault that died just then would leave a card at the channel of which we hold no number and
 * cannot send the same bytes again; and "the capture lapsed" would no longer mean that no channel was called. An intent that is refused leaves
 * a row behind that nobody owns: the adoption under other words takes it away in its own commit, or the sweep does (`sweep.ts`).
 */
import { hash } from 'node:crypto'
import { type Insert, insert, move, remove, type Store, type Write } from '../world/store.ts'
import type { Adoption, Captured as View } from '../world/world.ts'
import type { Captured, Captures } from './captures.ts'
import { factsOf, viewOf } from './content.ts'
import type { Keyring } from './keys.ts'
import { purposeOf, type Sealed, sealRecord } from './record.ts'
import type { Random } from './seal.ts'
import { sealsFor } from './shred.ts'
import type { Sightings } from './sightings.ts'
import { deks, records } from './tables.ts'
import type { Trail } from './trail.ts'

export type Adopting = {
  readonly ports: { readonly store: Store; readonly random: Random; now(): number }
  readonly keyring: Keyring
  readonly captures: Captures
  readonly claims: Claims
  readonly sightings: Sightings
  readonly trail: Trail
}
/** Adoptions under way, by capture: a second caller with the same words waits for the same answer. */
type Claims = Map<string, { readonly words: string; readonly answer: Promise<View | undefined> }>
export const createClaims = (): Claims => new Map()

export const ownerOf = (input: { readonly tenant: string; readonly instrument: string; readonly instrumentVersion: number }): string =>
  `${input.tenant}|${input.instrument}|${input.instrumentVersion}`
const wordsOf = (input: Adoption): string => [input.mode, ownerOf(input), input.operation].join('|')
const nameOf = (input: Adoption): string => `${input.tenant}|${input.reference}`

/** The same words get the same answer: while it runs, while the card is hot, and from the sealed row ever after. */
export function adopt(core: Adopting, input: Adoption): Promise<View | undefined> {
  const words = wordsOf(input)
  const claim = core.claims.get(nameOf(input))
  if (claim !== undefined) return claim.words === words ? claim.answer : Promise.resolve(undefined)
  const captured = core.captures.get(input)
  if (captured === undefined) return adopted(core, input)
  const answer = adoptCaptured(core, input, captured).finally(() => core.claims.delete(nameOf(input)))
  core.claims.set(nameOf(input), { words, answer })
  return answer
}

/** Once for each capture, and only where nobody adopts it yet. What could not be written is left to the adoption. */
export async function sealAhead(core: Adopting, input: Adoption): Promise<void> {
  const captured = core.captures.get(input)
  if (captured === undefined || captured.ahead !== undefined || core.claims.has(nameOf(input))) return
  const written = write(core, input, captured, undefined).catch(() => undefined)
  captured.ahead = { words: wordsOf(input), written }
  await written
}

async function adoptCaptured(core: Adopting, input: Adoption, captured: Captured): Promise<View | undefined> {
  const before = await captured.ahead?.written
  const done = before !== undefined && captured.ahead?.words === wordsOf(input)
  if (!done && (await write(core, input, captured, before)) === undefined) return adopted(core, input)
  // It may have lapsed meanwhile: its row is there.
  if (core.captures.get(input) !== captured) return adopted(core, input)
  const view = viewOf(captured.facts, captured.prints?.tenant, captured.once !== undefined)
  core.captures.adopt(captured, ownerOf(input), input.operation)
  return view
}

/** Undefined if the capture lapsed while the key was fetched, or the rows are taken. `instead`: rows of other words, which go. */
async function write(core: Adopting, input: Adoption, captured: Captured, instead: Sealed | undefined): Promise<Sealed | undefined> {
  const [kek, leave] = await Promise.all([core.keyring.wrapping(purposeOf(captured.facts), input.tenant), core.trail.entry(leaveOf(input))])
  if (core.captures.get(input) !== captured) return undefined
  const { prints, facts, secrets } = captured
  const sealed = sealRecord(core.ports, kek, { ...input, prints, facts, secrets, referenceHash: hashOf(input.reference) })
  const tracks = instead === undefined ? prints?.tracks : undefined
  const seen = tracks === undefined ? [] : core.sightings.writes(tracks)
  const result = await core.ports.store.commit([
    ...(instead === undefined ? [...inserts(sealed), leave] : exchange(instead, sealed, leave)),
    ...seen,
  ])
  return result.ok ? sealed : undefined
}

/** What this operation may do with it, once: durable with the sealing, so that the request that follows waits for nothing (`trail.ts`). */
const leaveOf = (input: Adoption) => ({
  ...({ act: 'release', tenant: input.tenant, purpose: 'send_to_channel', operation: input.operation } as const),
  subject: `${input.instrument}@${input.instrumentVersion}`,
})

/** Refused where the instrument was shredded, however late the adoption comes. */
const inserts = ({ dek, record }: Sealed): readonly Write[] => [
  insert(dek.table, dek.row),
  insert(record.table, record.row),
  sealsFor({ tenant: record.row.tenant, owner: record.row.instrument }),
]

/** Untouched since it was inserted: a row that somebody moved meanwhile has an owner, and stays. */
function exchange(former: Sealed, sealed: Sealed, leave: Insert): readonly Write[] {
  const [oldRecord, oldDek] = [
    { ...former.record.row, version: 1 },
    { ...former.dek.row, version: 1 },
  ]
  const { instrument, instrument_version: version, operation } = sealed.record.row
  // The same instrument: what is sealed stays as it is, for another operation.
  if (instrument === oldRecord.instrument && version === oldRecord.instrument_version)
    return [move(records, oldRecord, { operation }), leave]
  return [remove(records, oldRecord), remove(deks, oldDek), ...inserts(sealed), leave]
}

/** The reference's time, so that the index grows at its end, and 132 bits of its hash: from a row nobody learns a reference. */
const hashOf = (reference: string): string => `${reference.slice(4, 14)}.${hash('sha256', reference, 'base64url').slice(0, 22)}`

/** From the sealed row: after a restart, or when the capture was consumed. Another instrument, version or operation gets nothing. */
async function adopted(core: Adopting, input: Adoption): Promise<View | undefined> {
  const [row] = await core.ports.store.find(records, { tenant: input.tenant, reference: hashOf(input.reference) }, 1)
  const same =
    row !== undefined &&
    row.mode === input.mode &&
    row.instrument === input.instrument &&
    row.instrument_version === input.instrumentVersion &&
    row.operation === input.operation
  if (!same) return undefined
  const hot = core.captures.hot(ownerOf(input))
  return viewOf(factsOf(row), row.fingerprint ?? undefined, hot?.operation === row.operation && hot.once !== undefined)
}
