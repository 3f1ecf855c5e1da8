/** The endpoints that move card numbers between vaults: encrypted on their way through here, opened and written in the vault alone. */
import { type FieldError, fieldProblem, Problem } from '../core/problem.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { showTime } from '../http/schemas.ts'
import type { CardFault, CardFileState } from '../world/card-files.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import { type Mode, nextId } from '../world/world.ts'
import {
  cardExportBody,
  cardExportShape,
  cardFileBody,
  cardFileParams,
  cardFileShape,
  cardPartParams,
  cardPartShape,
  certificateShape,
  forgottenShape,
} from './cardFileShapes.ts'
import { listCards } from './queries.ts'

const tag = 'Card numbers between vaults'
const shown = { description: 'The card file and how far it is.', schema: cardFileShape }
/** An encrypted part of 512 KiB with its signature. */
const partBytesMax = 768 * 1024
const exportedAtOnce = 500

const view = (mode: Mode, of: CardFileState) => ({
  id: of.id,
  object: 'card_file' as const,
  livemode: mode === 'live',
  certificate: of.certificate,
  status: of.complete ? ('complete' as const) : ('open' as const),
  parts: of.parts,
  cards: of.cards,
  created_at: showTime(of.createdAt),
  expires_at: showTime(of.expiresAt),
})

const unknown = (): Problem => new Problem('not_found', 'no such card file')

/** `/lines/12/number`: line 12 of the part, counted from 1; 0 is the part as a whole. */
function faultProblem(faults: readonly CardFault[]): Problem {
  const errors: readonly FieldError[] = faults.map(({ line, field, detail }) => ({
    pointer: `/lines/${line}${field === '' ? '' : `/${field}`}`,
    detail,
  }))
  const [first] = errors
  return new Problem('unprocessable', `nothing of the part was taken: ${first?.pointer ?? ''}: ${first?.detail ?? ''}`, { errors })
}

export const cardFileEndpoints = (reader: TenantReader): readonly Endpoint[] => [...incoming, ...outgoing(reader)]

const incoming: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/card_files',
    name: 'createCardFile',
    summary: 'Begin to take over card numbers from another vault',
    description:
      'The vault makes a key for this transfer. The sender encrypts each part for `certificate` and signs it (CMS); the parts are opened in the vault and nowhere else. An import of the tokens then names the cards.',
    tag,
    auth: 'secret',
    action: 'card_files.write',
    params: nothing,
    query: nothing,
    body: cardFileBody,
    answers: { 201: shown },
    handle: async ({ world, caller: { tenant, mode } }, { body }) => {
      const made = await world.vault.cardFiles.begin({ tenant, mode, file: nextId(world, 'cdf'), sender: body.sender })
      if (made === undefined) throw fieldProblem('/sender', 'is no X.509 certificate', 'unprocessable')
      return { status: 201, body: view(mode, made) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/card_files/{id}',
    name: 'getCardFile',
    summary: 'How far a transfer of card numbers is',
    tag,
    auth: 'secret',
    action: 'card_files.read',
    params: cardFileParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async ({ world, caller: { tenant, mode } }, { params }) => {
      const found = await world.vault.cardFiles.show({ tenant, mode, file: params.id })
      if (found === undefined) throw unknown()
      return { status: 200, body: view(mode, found) }
    },
  }),
  endpoint({
    method: 'PUT',
    path: '/v1/card_files/{id}/parts/{number}',
    name: 'putCardFilePart',
    summary: 'Send one part, encrypted and signed',
    description:
      'CMS in DER: SignedData by the sender over AuthEnvelopedData (AES-256-GCM) for the certificate of the card file. Parts come in order; the same part again is the same part. A part with a fault changes nothing, and the answer names line and field of each.',
    tag,
    auth: 'secret',
    action: 'card_files.write',
    rawBody: true,
    bodyBytesMax: partBytesMax,
    params: cardPartParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Taken, or taken before.', schema: cardPartShape } },
    handle: async ({ world, caller: { tenant, mode } }, { params, raw }) => {
      const at = { tenant, mode, file: params.id }
      if ((await world.vault.cardFiles.show(at)) === undefined) throw unknown()
      const taken = await world.vault.cardFiles.take({ ...at, part: params.number, content: raw.toString('base64') })
      if (taken.kind === 'refused') throw faultProblem(taken.faults)
      const { cards, file } = taken
      world.log.info('card numbers came from another vault', { tenant, mode, file: file.id, part: params.number, cards })
      const body = { object: 'card_file_part' as const, card_file: file.id, number: params.number, cards, complete: file.complete }
      return { status: 200, body }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/card_files/{id}',
    name: 'deleteCardFile',
    summary: 'Forget a transfer: its key, and every card that no import took',
    tag,
    auth: 'secret',
    action: 'card_files.write',
    params: cardFileParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Forgotten.', schema: forgottenShape } },
    handle: async ({ world, caller: { tenant, mode } }, { params }) => {
      if (!(await world.vault.cardFiles.forget({ tenant, mode, file: params.id }))) throw unknown()
      return { status: 200, body: { id: params.id, object: 'card_file' as const, deleted: true as const } }
    },
  }),
]

const outgoing = (reader: TenantReader): readonly Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/card_exports/certificate',
    name: 'getSenderCertificate',
    summary: 'The certificate under which your card files are signed',
    tag,
    auth: 'secret',
    action: 'card_files.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'For the `sender` of the receiving vault.', schema: certificateShape } },
    handle: async ({ world, caller: { tenant, mode } }) => ({
      status: 200,
      body: { object: 'sender_certificate' as const, certificate: await world.vault.cardFiles.senderCertificate({ tenant, mode }) },
    }),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/card_exports',
    name: 'exportCards',
    summary: 'Write one part of a card file for another vault',
    description:
      'Part after part, until `next` is null. The same part asked again with the same words is written again and counted once. `card` in the file is the id of the instrument, which an export of the tokens names too.',
    tag,
    auth: 'secret',
    action: 'card_files.export',
    params: nothing,
    query: nothing,
    body: cardExportBody,
    answers: { 200: { description: 'The part.', schema: cardExportShape } },
    handle: async ({ world, caller: { tenant, mode } }, { body }) => {
      const limit = body.limit ?? exportedAtOnce
      const { cards, next } = await listCards(reader, { tenant, mode }, { after: body.after ?? '-1', limit })
      const { grant, certificate, card_file: file, part } = body
      const written = await world.vault.cardFiles.write({ tenant, mode, grant, certificate, file, part, last: next === null, cards })
      if (written.kind === 'refused')
        throw fieldProblem(`/${written.field}`, written.detail, written.field === 'part' ? 'conflict' : 'unprocessable')
      const { content, cards: count, left } = written
      world.log.info('card numbers left for another vault', { tenant, mode, grant, part, cards: count })
      return { status: 200, body: { object: 'card_export_part' as const, part, cards: count, left: [...left], next, content } }
    },
  }),
]
