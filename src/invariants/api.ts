/** What must never be found, when that was last asked, and what was found of the caller's own rows. */
import { z } from 'zod'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { type Invariant, inOrder } from '../world/invariant.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import { invariants, notYet } from './list.ts'
import { listFindings, type Stored } from './queries.ts'
import { type CheckRow, invariantChecks } from './tables.ts'

const statuses = ['holds', 'violated', 'not_asked_yet', 'unfinished', 'asked_at_the_vault', 'not_applicable_yet'] as const

const shape = z
  .object({
    object: z.literal('invariant'),
    id: z.string().describe('Its number; several questions may ask about one.'),
    name: z.string(),
    never: z.string().describe('What must never be found.'),
    status: z
      .enum(statuses)
      .describe(
        '`violated`: rows of yours were found. `unfinished`: it could not be asked to its end the last time, and `because` says why.',
      ),
    because: z.string().nullable(),
    checked_at: z.iso.datetime().nullable().describe('When it was last asked of every row.'),
    findings: z
      .array(
        z.object({
          subject: z.string().describe('The id of the row.'),
          shown: z.record(z.string(), z.unknown()),
          first_seen_at: z.iso.datetime(),
          last_seen_at: z.iso.datetime(),
        }),
      )
      .describe('Of your rows, at most 20.'),
  })
  .meta({ id: 'Invariant' })
type View = z.output<typeof shape>

const asked: Pick<View, 'object' | 'because' | 'checked_at' | 'findings'> = {
  object: 'invariant',
  because: null,
  checked_at: null,
  findings: [],
}

/** `beside`: those that others ask, and are only named here. */
export const invariantEndpoints = (reader: TenantReader, beside: readonly Invariant[]): readonly Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/invariants',
    name: 'listInvariants',
    summary: 'See what must never be found in the database, and whether it was',
    description:
      'A running installation asks these questions of all its rows every five minutes. The vault asks those about its own rows, and says in its log what it finds; `npx bindery invariants` asks all.',
    tag: 'Invariants',
    auth: 'secret',
    action: 'invariants.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ object: z.literal('list'), data: z.array(shape), has_more: z.literal(false) }),
      },
    },
    handle: context => list(context, reader, beside),
  }),
]

async function list({ world, caller }: Context, reader: TenantReader, beside: readonly Invariant[]): Promise<Answer> {
  const found = await listFindings(reader, caller)
  const data = await Promise.all(
    inOrder([...invariants, ...beside]).map(async one =>
      view(
        one,
        await world.store.get(invariantChecks, { name: one.name }),
        found.filter(row => row.invariant === one.name),
      ),
    ),
  )
  const open = notYet.map(
    ({ id, never, because }): View => ({ ...asked, id, name: 'not_yet', never, status: 'not_applicable_yet', because }),
  )
  return { status: 200, body: { object: 'list', data: [...data, ...open], has_more: false } }
}

function view({ id, name, never, book }: Invariant, row: CheckRow | undefined, found: readonly Stored[]): View {
  const one = { ...asked, id, name, never }
  if (book === 'vault')
    return {
      ...one,
      status: 'asked_at_the_vault',
      because: 'The server sees nothing of the vault’s rows: see its log, or run npx bindery invariants.',
    }
  const findings = found.map(({ subject, shown, first_seen_at, last_seen_at }) => ({
    ...{ subject, shown: shownOf(shown) },
    ...{ first_seen_at: first_seen_at.toISOString(), last_seen_at: last_seen_at.toISOString() },
  }))
  const ended = row?.last_ended_at ?? null
  const checked_at = ended === null ? null : new Date(ended).toISOString()
  const because = row?.cause ?? null
  const quiet = because !== null ? 'unfinished' : ended === null ? 'not_asked_yet' : 'holds'
  return { ...one, status: findings.length > 0 ? 'violated' : quiet, because, checked_at, findings }
}

const shownOf = (shown: unknown): Record<string, unknown> => z.record(z.string(), z.unknown()).parse(shown)
