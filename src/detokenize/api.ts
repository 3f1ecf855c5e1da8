/** The endpoint by which a person is given a number in the clear. The number is in the vault and in the answer's seal, and nowhere between. */
import { z } from 'zod'
import { hpkeSuite } from '../core/hpke.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { approvalHeader } from '../http/approval.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, type RawInput } from '../http/endpoint.ts'
import { needsTwo } from '../http/fourEyes.ts'
import { text } from '../http/schemas.ts'
import { approvals } from '../http/tables.ts'
import { readInstrument } from '../instruments/api.ts'
import { instrumentParams } from '../instruments/schemas.ts'
import { type Detokenized, detokenizePurposes } from '../world/detokenize.ts'

const body = z.strictObject({
  purpose: z.enum(detokenizePurposes, `must be one of ${detokenizePurposes.join(', ')}`),
  reason: text(300, 10).describe('For the audit: the case, the letter, the number of the ticket.'),
  public_key: z
    .string('must be a text')
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url: 43 letters')
    .describe('X25519, 32 bytes in base64url: the answer is sealed for it. Make it where the number is to be read.'),
  version: z.int('must be a whole number').min(1, 'must be 1 or more').max(1_000_000, 'must be at most 1000000').optional(),
})
const shape = z
  .object({
    id: z.string().describe('Of this act, as the audit has it.'),
    object: z.literal('detokenized_instrument'),
    livemode: z.boolean(),
    instrument: z.string(),
    version: z.int(),
    purpose: z.enum(detokenizePurposes),
    sealed: z.object({
      suite: z.literal(hpkeSuite),
      enc: z.string(),
      ciphertext: z.string(),
      info: z.string(),
      aad: z.string(),
    }),
    left_today: z.object({ person: z.int(), tenant: z.int() }),
  })
  .meta({ id: 'DetokenizedInstrument' })

type Asked = z.output<typeof body>

export const detokenizeEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/detokenize',
    name: 'detokenizeInstrument',
    summary: 'Give a person the number of a card or account',
    description:
      'Takes a key that names a person, in live mode a second person, and one of the day’s quota. The answer is HPKE (RFC 9180) for `public_key`: neither we nor whoever stands between can read it. It is told once: asking again is another time, in quota and audit.',
    tag: 'Instruments',
    auth: 'secret',
    action: 'instruments.detokenize',
    fourEyes: true,
    once: 'own',
    recover: async () => {
      throw new Problem('conflict', 'The number was told once, or not at all: ask again under another Idempotency-Key.')
    },
    params: instrumentParams,
    query: nothing,
    body,
    answers: { 200: { description: 'The number, sealed.', schema: shape } },
    handle: async (context, { params, body: asked, headers }) => act(context, params.id, asked, headers),
  }),
]

async function act(context: Context, id: string, asked: Asked, headers: RawInput['headers']): Promise<Answer> {
  const { world, caller, requestId: operation } = context
  const { person } = caller
  const instrument = await readInstrument(context, id)
  if (person === null)
    throw new Problem('forbidden', 'This needs a key that names the person who uses it.', { members: { permission: 'person' } })
  const instrumentVersion = asked.version ?? instrument.card_version
  const second = await approvedBy(context, headers)
  const { purpose, reason, public_key: publicKey } = asked
  const owner = { tenant: caller.tenant, mode: caller.mode, instrument: instrument.id, instrumentVersion }
  const told = await world.vault.detokenize({ ...owner, operation, purpose, reason, person, second, publicKey })
  if (told.kind !== 'sealed') throw refusal(told, world.now())
  world.log.warn('a number was given to a person', { instrument: id, purpose, person, second, request: operation })
  const { enc, ciphertext, info, aad, left } = told
  return {
    status: 200,
    body: {
      ...{ id: operation, object: 'detokenized_instrument', livemode: caller.mode === 'live', instrument: id, version: instrumentVersion },
      ...{ purpose, sealed: { suite: hpkeSuite, enc, ciphertext, info, aad }, left_today: left },
    },
    toldOnce: true,
  }
}

/** Of the approval that this very request was let in by, if it had to be. */
async function approvedBy({ world, caller }: Context, headers: RawInput['headers']): Promise<string | null> {
  const id = headers[approvalHeader]
  if (id === undefined || !needsTwo(true, { params: {}, body: {} }, caller.mode, world.settings.fourEyes?.inTest === true)) return null
  const row = await world.store.get(approvals, { tenant: caller.tenant, id })
  return row?.decided_by ?? null
}

const dayMs = 86_400_000

function refusal(told: Exclude<Detokenized, { readonly kind: 'sealed' }>, now: number): Problem {
  if (told.kind === 'refused') return fieldProblem('/public_key', told.detail)
  if (told.kind === 'missing') return new Problem('gone', 'Nothing is sealed under this version of the instrument, or no longer.')
  const whose = told.whose === 'person' ? `You were given ${told.most} numbers today` : `Your people were given ${told.most} numbers today`
  return new Problem('too_many_requests', `${whose}, which is all there are in a day (UTC).`, {
    retryAfterSeconds: Math.ceil((dayMs - (now % dayMs)) / 1_000),
    members: { quota: told.whose },
  })
}
