/** The endpoints of account updating: runs with their files, asking now, policies, and what was paid for. */

import { Problem } from '../core/problem.ts'
import { advices } from '../core/updater-file.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { readInstrument } from '../instruments/api.ts'
import { customerNow } from '../instruments/customer.ts'
import { instrumentParams } from '../instruments/schemas.ts'
import { instrumentShape } from '../instruments/shapes.ts'
import { bindings, type InstrumentRow } from '../instruments/tables.ts'
import { viewInstrument } from '../instruments/view.ts'
import { insert, moveTo } from '../world/store.ts'
import { tellRun } from './advise.ts'
import { askNow } from './ask.ts'
import { dayMs, hasOptedOut, nextAskAt, policyOf } from './policy.ts'
import { acceptResults, beginRun, type Left, linesOf, newSchedule } from './run.ts'
import { countsShape, fileShape, policyBody, policyShape, resultsBody, runBody, runParams, runShape } from './schemas.ts'
import { type UpdaterRunRow, type UpdateScheduleRow, updaterCounts, updaterRuns, updateSchedules } from './tables.ts'

const tag = 'Account updater'
const shownRun = { description: 'The run.', schema: runShape }

const runEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/updater/runs',
    name: 'createUpdaterRun',
    summary: 'Ask an account updater about cards, in a file',
    description:
      'The vault writes the file, sealed for the updater. Cards whose policy forbids it are left out, with the reason. At most 1,000 cards a run.',
    tag,
    auth: 'secret',
    action: 'updater.run',
    params: nothing,
    query: nothing,
    body: runBody,
    answers: { 201: shownRun },
    handle: async (context, { body }) => {
      const { tenant, mode } = context.caller
      const how = { tenant, mode, instruments: body.instruments, how: 'batch', request: context.requestId } as const
      const { run, left } = await beginRun(context.world, how)
      return { status: 201, body: await viewRun(context, run, left) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/updater/runs/{id}',
    name: 'getUpdaterRun',
    summary: 'Read a run of an account updater',
    tag,
    auth: 'secret',
    action: 'updater.read',
    params: runParams,
    query: nothing,
    body: nothing,
    answers: { 200: shownRun },
    handle: async (context, { params }) => ({ status: 200, body: await viewRun(context, await readRun(context, params.id), []) }),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/updater/runs/{id}/file',
    name: 'getUpdaterFile',
    summary: 'The file of inquiries of a run',
    description: 'Only the updater can read it: hand it over as it is, decoded from base64.',
    tag,
    auth: 'secret',
    action: 'updater.run',
    params: runParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The file.', schema: fileShape } },
    handle: async (context, { params }) => {
      const { id, inquiries } = await readRun(context, params.id)
      if (inquiries === null) throw new Problem('conflict', 'the file is not written yet')
      return { status: 200, body: { object: 'updater_file', run: id, file: inquiries } }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/updater/runs/{id}/results',
    name: 'postUpdaterResults',
    summary: 'Hand in the file of results of a run',
    description: 'Believed whole or not at all: whatever is wrong with it is told by its line, and changes nothing.',
    tag,
    auth: 'secret',
    action: 'updater.run',
    params: runParams,
    query: nothing,
    body: resultsBody,
    answers: { 200: shownRun },
    handle: async (context, { params, body }) => {
      const taken = await acceptResults(context.world, await readRun(context, params.id), body.file)
      return { status: 200, body: await viewRun(context, await tellRun(context.world, taken), []) }
    },
  }),
]

const cardEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/updates',
    name: 'updateInstrument',
    summary: "Ask the account updater about an instrument's card now",
    description:
      'After a decline, say. What it tells goes to every channel that has the card. Refused where its policy forbids another inquiry.',
    tag,
    auth: 'secret',
    action: 'updater.run',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The instrument as it is now.', schema: instrumentShape } },
    handle: async (context, { params }) => {
      const { world, requestId } = context
      const { tenant, mode, id } = await readInstrument(context, params.id)
      const run = await askNow(world, { tenant, mode, instrument: id, request: requestId })
      if (run.status === 'failed') throw new Problem('unavailable', run.cause ?? 'the updater gave no answer', { retryAfterSeconds: 60 })
      const row = await readInstrument(context, id)
      return { status: 200, body: viewInstrument(row, await world.store.find(bindings, { tenant, instrument: row.id })) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/update_policy',
    name: 'getUpdatePolicy',
    summary: 'When an instrument is asked about at the account updater',
    tag,
    auth: 'secret',
    action: 'updater.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The policy.', schema: policyShape } },
    handle: async (context, { params }) => {
      const instrument = await readInstrument(context, params.id)
      return { status: 200, body: viewPolicy(context, instrument, await scheduleOf(context, instrument)) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/update_policy',
    name: 'setUpdatePolicy',
    summary: 'Set when an instrument is asked about at the account updater',
    tag,
    auth: 'secret',
    action: 'updater.run',
    params: instrumentParams,
    query: nothing,
    body: policyBody,
    answers: { 200: { description: 'The policy.', schema: policyShape } },
    handle: async (context, { params, body }) => {
      const { store, settings } = context.world
      const instrument = await readInstrument(context, params.id)
      const before = await scheduleOf(context, instrument)
      const row = before ?? newSchedule(instrument)
      const wanted = { ...row, policy: body.policy ?? row.policy, days_min: body.min_days ?? row.days_min }
      const due_at = nextAskAt(policyOf(settings, wanted), row.asked_at ?? (await customerNow(context.world, instrument)))
      const after: UpdateScheduleRow = { ...wanted, queue: null, due_at, clock: instrument.clock }
      const writes = before === undefined ? [insert(updateSchedules, after)] : [moveTo(updateSchedules, before, after)]
      if (!(await store.commit(writes)).ok) throw new Problem('conflict', 'the policy was changed by somebody else')
      return { status: 200, body: viewPolicy(context, instrument, after) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/updater/counts',
    name: 'getUpdaterCounts',
    summary: 'How many inquiries and advices there were, by month',
    description: 'What account updaters charge for.',
    tag,
    auth: 'secret',
    action: 'updater.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Counters.', schema: countsShape } },
    handle: async ({ world, caller }) => {
      const rows = await world.store.find(updaterCounts, { tenant: caller.tenant, mode: caller.mode })
      const data = rows.map(({ month, updater, what, number }) => ({ month, updater, what, number }))
      return { status: 200, body: { object: 'list', data } }
    },
  }),
]

export const updaterEndpoints: readonly Endpoint[] = [...runEndpoints, ...cardEndpoints]

async function readRun(context: Context, id: string): Promise<UpdaterRunRow> {
  const { tenant, mode } = context.caller
  const row = await context.world.store.get(updaterRuns, { tenant, id })
  if (row === undefined || row.mode !== mode) throw new Problem('not_found', 'no such run')
  return row
}

async function viewRun({ world }: Context, run: UpdaterRunRow, left: readonly Left[]) {
  const lines = await linesOf(world, run)
  const counted = advices.map(letter => [letter, lines.filter(one => one.advice === letter).length] as const)
  const unsealed = lines.flatMap(one => (one.advice === '-' ? [{ instrument: one.instrument, because: 'no card is sealed' }] : []))
  return {
    id: run.id,
    object: 'updater_run',
    livemode: run.mode === 'live',
    updater: run.updater,
    kind: run.kind,
    status: run.status,
    cause: run.cause,
    lines: run.lines,
    told: run.told,
    advices: Object.fromEntries(counted.filter(([, number]) => number > 0)),
    left_out: [...left, ...unsealed],
    created_at: new Date(run.created_at).toISOString(),
    updated_at: new Date(run.updated_at).toISOString(),
  }
}

const scheduleOf = (context: Context, { tenant, id }: InstrumentRow) => context.world.store.get(updateSchedules, { tenant, instrument: id })

function viewPolicy({ world }: Context, instrument: InstrumentRow, row: UpdateScheduleRow | undefined) {
  const { policy, daysMin } = policyOf(world.settings, row)
  const instant = (at: number | null | undefined) => (at == null ? null : new Date(at).toISOString())
  const next = row?.queue != null ? world.now() : (row?.due_at ?? (row?.asked_at == null ? null : row.asked_at + daysMin * dayMs))
  return {
    object: 'update_policy',
    instrument: instrument.id,
    policy,
    min_days: daysMin,
    opted_out: hasOptedOut(instrument),
    inquiries: row?.inquiries ?? 0,
    asked_at: instant(row?.asked_at),
    next_ask_at: instant(policy === 'scheduled' ? next : null),
  }
}
