/**
 * Bugs that others have shipped, switched on one at a time: each is put around the real code from outside, and every one must be caught.
 * If one is not, the simulation has an eye closed.
 */
import type { BindOutcome } from '../src/channels/channel.ts'
import { sharings } from '../src/instruments/sharing.ts'
import { bindings, facts, identities, instruments, operations } from '../src/instruments/tables.ts'
import type { Write } from '../src/world/store.ts'
import type { World } from '../src/world/world.ts'
import { type Bug, isInsert, isMove, rewriting, withChannels, withCommit, withRow } from './bug.ts'
import { channelBugs } from './channel-bugs.ts'
import { erasureBugs } from './erasure-bugs.ts'
import { safeguardBugs } from './safeguard-bugs.ts'
import { timeBugs } from './time-bugs.ts'

const isQuiet = (input: unknown): boolean => typeof input === 'object' && input !== null && 'quiet' in input

/** A move that asks for no version, as a plain UPDATE does. */
async function overwriting(world: World, write: Write): Promise<Write> {
  if (write.verb !== 'move') return write
  const row: { readonly version?: unknown; readonly sequence?: unknown } | undefined = await world.store.get(write.table, write.key)
  if (typeof row?.version !== 'number') return write
  const sequence = typeof row.sequence === 'number' && write.set.sequence !== undefined ? { sequence: row.sequence + 1 } : {}
  return { ...write, version: row.version, set: { ...write.set, ...sequence } }
}

/** Changes what a bind answers. */
const answering = (world: World, change: (outcome: BindOutcome) => BindOutcome): World =>
  withChannels(world, channel => {
    const { bind } = channel
    return bind === undefined ? channel : { ...channel, bind: async (call, input) => change(await bind(call, input)) }
  })

/** The kind of the last news decides, whenever it came. */
const statusOf: Readonly<Record<string, string>> = {
  bound: 'active',
  refused: 'failed',
  challenged: 'challenge',
  verifying: 'verifying',
  suspended: 'suspended',
  resumed: 'active',
  revoked: 'revoked',
}

const ourBugs: readonly Bug[] = [
  {
    name: 'fresh_key_on_retry',
    what: 'every attempt mints a new idempotency key',
    infect: (world, { scheduler }) =>
      withChannels(world, channel => {
        const { bind } = channel
        return bind === undefined
          ? channel
          : {
              ...channel,
              bind: (call, input) => bind({ ...call, key: `${call.key.slice(0, 30)}${scheduler.random(3).toString('hex')}` }, input),
            }
      }),
  },
  {
    name: 'timeout_means_refused',
    what: 'no answer is taken for a refusal',
    infect: world =>
      answering(world, outcome =>
        outcome.kind === 'uncertain'
          ? { kind: 'refused', by: 'channel', category: 'try_later', code: 'timeout', elsewhere: true, references: {} }
          : outcome,
      ),
  },
  {
    name: 'issuer_refusal_presented_again',
    what: "an issuer's refusal falls over to the next channel",
    infect: world => answering(world, outcome => (outcome.kind === 'refused' ? { ...outcome, by: 'channel', elsewhere: true } : outcome)),
  },
  {
    name: 'no_compare_and_set',
    what: 'rows are overwritten whatever their version, and notices take the next free number',
    infect: world =>
      withCommit(world, async (original, writes) => {
        const blind = await Promise.all(writes.map(write => overwriting(world, write)))
        const sequence = blind.flatMap(one =>
          isMove(one, instruments) && typeof one.set.sequence === 'number' ? [one.set.sequence] : [],
        )[0]
        // A commit may tell several things, with numbers that follow each other.
        let next = (sequence ?? 0) - blind.filter(one => one.verb === 'record').length
        return original(
          blind.map(one => {
            if (one.verb !== 'record' || sequence === undefined) return one
            next += 1
            return { ...one, event: { ...one.event, sequence: next } }
          }),
        )
      }),
  },
  {
    name: 'notice_outside_commit',
    what: 'the event is written after the commit that it tells of',
    infect: world =>
      withCommit(world, async (original, writes) => {
        const result = await original(writes.filter(one => one.verb !== 'record'))
        const notices = writes.filter(one => one.verb === 'record')
        if (result.ok && notices.length > 0) await original(notices)
        return result
      }),
  },
  {
    name: 'news_kept_to_itself',
    what: 'what one channel tells of a card goes to no other',
    infect: world =>
      rewriting(world, write =>
        (isInsert(write, operations) && (write.row.verb === 'update' || isQuiet(write.row.input))) ||
        (isInsert(write, bindings) && write.row.replaces !== null)
          ? undefined
          : write,
      ),
  },
  {
    name: 'intent_after_call',
    what: 'the intent is acknowledged before it is durable, and written with the outcome',
    infect: world => {
      const held: (readonly Write[])[] = []
      return withCommit(world, async (original, writes) => {
        if (
          writes.some(one => isInsert(one, operations)) &&
          !writes.some(one => isInsert(one, facts)) &&
          writes.some(one => isInsert(one, bindings))
        ) {
          held.push(writes)
          return { ok: true }
        }
        for (const before of held.splice(0)) await original(before)
        return original(writes)
      })
    },
  },
  {
    name: 'no_event_dedupe',
    what: 'every delivery of a webhook counts as a new event',
    infect: (world, { scheduler }) =>
      withChannels(world, channel => {
        const { webhook } = channel
        if (webhook === undefined) return channel
        return {
          ...channel,
          webhook: async request => {
            const reading = await webhook(request)
            return reading.kind === 'told'
              ? { ...reading, told: reading.told.map(one => ({ ...one, event: `${one.event}#${scheduler.random(4).toString('hex')}` })) }
              : reading
          },
        }
      }),
  },
  {
    name: 'no_identity_constraint',
    what: 'a card that is already there is not recognised',
    infect: world => rewriting(world, write => (isInsert(write, identities) ? undefined : write)),
  },
  {
    name: 'nobody_watches_the_clock',
    what: 'a token whose refresh is refused is used on after it lapsed, for nobody looks whether it did',
    infect: world => ({
      ...withChannels(world, channel =>
        channel.refresh === undefined
          ? channel
          : {
              ...channel,
              refresh: async () => ({
                kind: 'refused',
                by: 'channel',
                category: 'not_permitted',
                code: 'no',
                elsewhere: false,
                references: {},
              }),
            },
      ),
      store: { ...world.store, due: (table, at) => (table.name === instruments.name ? Promise.resolve([]) : world.store.due(table, at)) },
    }),
  },
  {
    name: 'bound_without_evidence',
    what: 'the row is called active, and what was told of it is not kept',
    infect: world => rewriting(world, write => (isInsert(write, facts) && write.row.kind === 'bound' ? undefined : write)),
  },
  {
    name: 'sharing_unbounded',
    what: 'how many customers share a card is counted, and nobody stands at the door',
    infect: world =>
      rewriting(world, write => (write.verb === 'add' && write.table.name === sharings.name ? { ...write, bounds: {} } : write)),
  },
  {
    name: 'sharing_not_handed_back',
    what: 'whoever gives a card up keeps the place among those who share it',
    infect: world =>
      rewriting(world, write =>
        write.verb === 'add' && write.table.name === sharings.name && (write.amounts.holders ?? 0n) < 0n ? undefined : write,
      ),
  },
  {
    name: 'no_slot_constraint',
    what: 'that an instrument is bound on a channel already is looked up, and nothing more',
    infect: (world, { scheduler }) => {
      const free = () => `free ${scheduler.random(8).toString('hex')}`
      return withCommit(world, async (original, writes) => {
        const loose = writes.map(one => {
          if (isInsert(one, bindings)) return withRow(one, { slot: free() })
          return isMove(one, bindings) && typeof one.set.slot === 'string' ? { ...one, set: { ...one.set, slot: free() } } : one
        })
        if (!writes.some(one => isInsert(one, bindings))) return original(loose)
        return original(await Promise.all(loose.map(one => overwriting(world, one))))
      })
    },
  },
  {
    name: 'last_message_wins',
    what: 'the status is what was heard last',
    infect: world =>
      withCommit(world, (original, writes) => {
        const heard = writes.filter(one => isInsert(one, facts)).at(-1)
        const status = heard === undefined ? undefined : statusOf[String(heard.row.kind)]
        if (status === undefined) return original(writes)
        const slot = status === 'failed' || status === 'revoked' ? { slot: null } : {}
        return original(writes.map(write => (isMove(write, bindings) ? { ...write, set: { ...write.set, status, ...slot } } : write)))
      }),
  },
  {
    name: 'unbind_forgets_late_bind',
    what: 'a bind that comes alive after the unbind is left alone',
    infect: world =>
      withCommit(world, (original, writes) =>
        original(writes.filter(one => !(isInsert(one, operations) && one.row.verb === 'revoke' && one.row.tries === 0))),
      ),
  },
  {
    name: 'nobody_settles',
    what: 'what is owed has a due time far away',
    infect: world => rewriting(world, write => (isInsert(write, operations) ? withRow(write, { due_at: 4_102_444_800_000 }) : write)),
  },
  {
    name: 'revoke_not_sent',
    what: 'unbinding tells the customer, not the channel',
    infect: world => withChannels(world, channel => ({ ...channel, revoke: async () => ({ kind: 'revoked' }) })),
  },
  {
    name: 'webhook_acknowledged_unread',
    what: 'news is acknowledged and lost when the server is busy',
    infect: (world, { scheduler }) =>
      withChannels(world, channel => {
        const { webhook } = channel
        if (webhook === undefined) return channel
        return {
          ...channel,
          webhook: async request => {
            const reading = await webhook(request)
            return reading.kind === 'told' && scheduler.chance() < 0.5 ? { ...reading, told: [] } : reading
          },
        }
      }),
  },
]

export const bugs: readonly Bug[] = [...ourBugs, ...safeguardBugs, ...erasureBugs, ...channelBugs, ...timeBugs]
