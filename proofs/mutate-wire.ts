/**
 * Wire mutants: every field an adapter sends is left out, and sent under another name, and somebody has to notice: the official
 * specification, the simulator (another answer, another event, other books), the adapter itself, or the watch on what arrives
 * (`mutate-wire-arrivals.ts`). A field that nobody misses is either not needed, or not understood by the simulator: both are mended there.
 *
 *     node proofs/mutate-wire.ts [--channel stripe] [--json]
 *
 * A line for each channel, and at the end `{"mutants":…,"survivors":0}`; exits 1 when one survives.
 */
import { parseArgs } from 'node:util'
import type { ChannelRequest } from '../src/channels/channel.ts'
import { credentialsOf, type Subject } from '../src/channels/contract-bench.ts'
import { channels } from '../src/channels/index.ts'
import { isRecord } from '../src/channels/json.ts'
import { specJudge, specsDirOf } from '../src/channels/judge.ts'
import { type Change, change, changes, type Field, kindOfRequest, leavesOf } from './mutate-wire-fields.ts'
import { type Observer, observers, type Scene, type Tamper, type Told, type Trace, tellStory } from './mutate-wire-story.ts'

/** The same field of the same kind of request on the way of one shape: an adapter that never sends it, or calls it something else. */
export type Mutant = { readonly shape: string; readonly request: string; readonly field: Field; readonly change: Change }
export type Result = {
  readonly channel: string
  readonly mutants: number
  readonly noticed: Readonly<Record<Observer, number>>
  readonly survivors: readonly Mutant[]
}

/** A story as it goes when nobody tampers, and how to tell it again. */
type Story = { readonly shape: string; readonly told: Told; readonly again: (tamper: Tamper) => Promise<Told> }

/** `value`: only the sandbox values of this title, for a quick look. */
export async function mutateWire(subject: Subject, value?: string): Promise<Result> {
  const stories = await storiesOf(subject, value)
  const noticed: Record<Observer, number> = { specification: 0, answers: 0, books: 0, outcomes: 0, arrivals: 0 }
  const survivors: Mutant[] = []
  const mutants = mutantsOf(stories)
  for (const mutant of mutants) {
    const observer = await firstToNotice(subject, stories, mutant)
    if (observer === undefined) survivors.push(mutant)
    else noticed[observer] += 1
  }
  return { channel: subject.channel.name, mutants: mutants.length, noticed, survivors }
}

async function storiesOf(subject: Subject, title: string | undefined): Promise<readonly Story[]> {
  const out: Story[] = []
  const crowded = new Set<string>()
  for (const value of subject.channel.sandboxValues) {
    if (title !== undefined && value.title !== title) continue
    const tell = async (scene: Scene) => {
      const again = (tamper: Tamper) => tellStory(subject, value, scene, tamper)
      const told = await again(request => request)
      assertFair(`${subject.channel.name}, ${value.title}, ${scene.name}`, told, await again(resigned(subject, respaced)))
      out.push({ shape: value.shape, told, again })
      return told
    }
    const { bindRequests } = await tell({ name: 'whole' })
    await tell({ name: 'again' })
    if (value.outcome === 'challenged') await tell({ name: 'declined' })
    if (subject.channel.lookUp === undefined) continue
    await tell({ name: 'lost', lostAt: bindRequests })
    if (!crowded.has(value.shape)) await tell({ name: 'crowd', lostAt: bindRequests })
    crowded.add(value.shape)
  }
  return out
}

/** Signs anew what was changed, where the channel wants signatures: else every change of a body would be noticed, whatever it is. */
const resigned = (subject: Subject, tamper: Tamper): Tamper => {
  const [credentials] = credentialsOf(subject)
  return request => {
    const changed = tamper(request)
    return changed === request ? request : (subject.resign?.(changed, credentials) ?? changed)
  }
}

/** The same in other words: JSON with blanks. Whoever notices this would notice any mutant. */
function respaced(request: ChannelRequest): ChannelRequest {
  const isJson = Object.entries(request.headers).some(([name, type]) => name.toLowerCase() === 'content-type' && type.includes('json'))
  if (!isJson || request.body === undefined || request.body === '') return request
  return { ...request, body: JSON.stringify(JSON.parse(request.body), undefined, 1) }
}

/** A story that differs from itself would let every mutant be noticed, and one that is broken already would hide what breaks it. */
function assertFair(name: string, told: Told, again: Told): void {
  for (const one of observers)
    if (told.trace[one] !== again.trace[one])
      throw new Error(`${name}: not the same twice (${one}), though only blanks differ. Is it signed? Then the subject needs \`resign\`.`)
  if (told.trace.specification !== '[]') throw new Error(`${name}: breaks the specification as it is: ${told.trace.specification}`)
  if (told.trace.outcomes.includes('"kind":"threw"')) throw new Error(`${name}: the adapter throws as it is: ${told.trace.outcomes}`)
}

function mutantsOf(stories: readonly Story[]): readonly Mutant[] {
  const out = new Map<string, Mutant>()
  for (const { shape, told } of stories)
    for (const request of told.sent)
      for (const { place, name } of leavesOf(request))
        for (const how of place === 'json' && /\/\d+$/.test(name) ? (['drop'] as const) : changes) {
          const mutant = { shape, request: kindOfRequest(request), field: { place, name }, change: how }
          out.set(nameOf(mutant), mutant)
        }
  return [...out.values()]
}

export const nameOf = ({ shape, request, field, change: how }: Mutant): string => `${shape}: ${request} ${how} ${field.place} ${field.name}`

const isIn = (request: ChannelRequest, field: Field): boolean =>
  leavesOf(request).some(one => one.place === field.place && one.name === field.name)

async function firstToNotice(subject: Subject, stories: readonly Story[], mutant: Mutant): Promise<Observer | undefined> {
  const hits = (request: ChannelRequest) => kindOfRequest(request) === mutant.request && isIn(request, mutant.field)
  const changed: Tamper = request => (hits(request) ? change(request, mutant.field, mutant.change) : request)
  const tamper = mutant.field.place === 'header' ? changed : resigned(subject, changed)
  for (const story of stories) {
    if (story.shape !== mutant.shape || !story.told.sent.some(hits)) continue
    const found = differs(story.told.trace, (await story.again(tamper)).trace)
    if (found !== undefined) return found
  }
  return undefined
}

const differs = (is: Trace, was: Trace): Observer | undefined => observers.find(one => is[one] !== was[one])

export async function loadSubject(name: string): Promise<Subject> {
  const folder: unknown = await import(`../src/channels/${name}/subject.ts`)
  if (!isRecord(folder) || !isSubject(folder.subject)) throw new TypeError(`channels/${name}/subject.ts has no subject`)
  return folder.subject
}
const isSubject = (value: unknown): value is Subject => isRecord(value) && isRecord(value.channel) && isRecord(value.sandbox)

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { channel: { type: 'string', multiple: true }, json: { type: 'boolean' } } })
  const names = values.channel ?? [...channels.keys()]
  if (specJudge(specsDirOf()) === 'off') console.error('No specifications at hand (SPECS_DIR): what only they would notice survives.')
  const total = { mutants: 0, survivors: 0 }
  for (const name of names) {
    const result = await mutateWire(await loadSubject(name))
    total.mutants += result.mutants
    total.survivors += result.survivors.length
    console.log(values.json === true ? JSON.stringify({ ...result, survivors: result.survivors.map(nameOf) }) : inWords(result))
  }
  console.log(JSON.stringify(total))
  process.exitCode = total.survivors === 0 && total.mutants > 0 ? 0 : 1
}

function inWords({ channel, mutants, noticed, survivors }: Result): string {
  const by = observers.map(one => `${one} ${noticed[one]}`).join(', ')
  const lines = survivors.map(one => `  survives: ${nameOf(one)}`)
  return [`${channel}: ${mutants} mutants, ${survivors.length} survive (noticed by ${by})`, ...lines].join('\n')
}

if (import.meta.main) await run()
