/** The verbs of the vault's socket, with the shapes that are checked on arrival: one list for both ends. */
import { z } from 'zod'
import { NoAnswer } from '../channels/channel.ts'
import { payerFields } from '../channels/source.ts'
import { Problem } from '../core/problem.ts'
import { advices, fileLinesMax } from '../core/updater-file.ts'
import { detokenizePurposes } from '../world/detokenize.ts'
import { Unavailable } from '../world/store.ts'
import type { Peeked } from '../world/world.ts'
import { cardFileInputs, cardFileOutputs, performCardFiles } from './card-calls.ts'
import { checked } from './checked.ts'
import type { FailureKind } from './frames.ts'
import type { VaultCore } from './vault.ts'

const mode = z.enum(['test', 'live'])
const name = z.string().max(200)
const whole = z.number().int()
const owner = { tenant: name, instrument: name, instrumentVersion: whole }
const ownership = z.object(owner)
const adoption = z.object({ ...owner, mode, reference: name, operation: name })
const text = z.string().max(64 * 1024)

const request = z
  .object({
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    url: z.string().max(4096),
    headers: z.record(z.string(), z.string()),
    body: z.string().optional(),
    placeholders: z.literal(true).optional(),
  })
  .transform(({ body, placeholders, ...rest }) => ({
    ...rest,
    ...(body === undefined ? {} : { body }),
    ...(placeholders === undefined ? {} : { placeholders }),
  }))

const expiry = z.object({ year: whole, month: whole })
const run = { tenant: name, mode, updater: name, run: name }
const file = z.string().max(128 * 1024)
const lines = z.array(whole).max(fileLinesMax)

export const inputs = {
  peek: z.object({ tenant: name, mode, reference: name }),
  adopt: adoption,
  sealAhead: adoption,
  forward: z
    .object({ ...owner, mode, operation: name, reference: name.optional(), timeoutMs: whole.min(1).max(120_000), request })
    .transform(({ reference, ...rest }) => ({ ...rest, ...(reference === undefined ? {} : { reference }) })),
  seal: z.object({ tenant: name, owner: name, field: name, text }),
  open: z.object({ tenant: name, owner: name, field: name, sealed: text }),
  shred: z.object({ tenant: name, owner: name }),
  unsettled: z.object({ limit: whole.min(1).max(1000) }),
  settle: z.object({ owned: z.array(ownership).max(1000), unowned: z.array(ownership).max(1000) }),
  writeInquiries: z.object({
    ...run,
    on: name,
    lines: z.array(z.object({ line: whole, instrument: name, instrumentVersion: whole })).max(fileLinesMax),
  }),
  readAdvices: z.object({ ...run, file, lines }),
  sealAdvices: z.object({
    ...run,
    file,
    lines,
    wanted: z.array(z.object({ line: whole, instrument: name, from: whole, instrumentVersion: whole })).max(fileLinesMax),
  }),
  renew: z.object({ ...owner, mode, from: whole, expiry, operation: name }),
  detokenize: z.object({
    ...{ ...owner, mode, operation: name, purpose: z.enum(detokenizePurposes) },
    ...{ reason: z.string().max(500), person: name, second: name.nullable(), publicKey: name },
  }),
  ...cardFileInputs,
} as const

const fingerprint = z.string()
const card = z.object({
  brand: z.string(),
  bin: z.string(),
  last4: z.string(),
  expiryMonth: whole,
  expiryYear: whole,
  securityCode: z.boolean(),
  holder: z.boolean(),
})
const payer = z.object({ held: z.array(z.enum(payerFields)), tail: z.string(), country: z.string() })
const captured = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('card'), fingerprint, card }),
  z
    .object({
      kind: z.literal('device_token'),
      fingerprint,
      card,
      wallet: z.enum(['apple_pay', 'google_pay']),
      cryptogram: z.boolean(),
      eci: z.string().optional(),
    })
    .transform(one => ({ ...one, eci: one.eci })),
  z
    .object({
      kind: z.enum(['bank_account', 'wallet', 'instant_mandate', 'carrier_account']),
      fingerprint: fingerprint.optional(),
      scheme: z.string().optional(),
      payer,
    })
    .transform(one => ({ ...one, fingerprint: one.fingerprint, scheme: one.scheme })),
])
const verdict = z.enum(['allow', 'deny'])
const seen = z.object({ number: z.object({ verdict, tries: z.enum(['few', 'many']) }), neighbours: z.object({ verdict }) })
const seenOf = z.object({ seen: seen.optional() })
/** JSON has no `undefined`: what is not there travels as null. */
const maybeCaptured = captured.nullable().transform(one => one ?? undefined)

/** What was captured, and what was seen of it. */
const maybePeeked = z.unknown().transform((one, context): Peeked | undefined => {
  const [of, told] = [maybeCaptured.safeParse(one), seenOf.nullable().safeParse(one)]
  if (!of.success || !told.success) {
    context.addIssue('not what was captured')
    return z.NEVER
  }
  if (of.data === undefined) return undefined
  return told.data?.seen === undefined ? of.data : { ...of.data, seen: told.data.seen }
})

export const outputs = {
  peek: maybePeeked,
  adopt: maybeCaptured,
  sealAhead: z.null(),
  forward: z.object({ status: whole, headers: z.record(z.string(), z.string()), body: z.string() }),
  seal: z.string(),
  open: z.string(),
  shred: z.object({ keys: whole }),
  unsettled: z.array(ownership),
  settle: z.null(),
  writeInquiries: z.object({ file: z.string(), left: z.array(whole) }),
  readAdvices: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('read'),
      advices: z.array(
        z.object({ line: whole, advice: z.enum(advices), last4: z.string().exactOptional(), expiry: expiry.exactOptional() }),
      ),
    }),
    z.object({ kind: z.literal('refused'), line: whole, detail: z.string() }),
  ]),
  sealAdvices: z.array(z.object({ line: whole, card: maybeCaptured })),
  renew: maybeCaptured,
  detokenize: z.discriminatedUnion('kind', [
    z.object({
      ...{ kind: z.literal('sealed'), enc: z.string(), ciphertext: z.string(), info: z.string(), aad: z.string() },
      left: z.object({ person: whole, tenant: whole }),
    }),
    z.object({ kind: z.literal('refused'), detail: z.string() }),
    z.object({ kind: z.literal('spent'), whose: z.enum(['person', 'tenant']), most: whole }),
    z.object({ kind: z.literal('missing') }),
  ]),
  ...cardFileOutputs(captured),
} as const

export type Verb = keyof typeof inputs

/** Does one call; the input is checked here. A malformed input is a bug of ours, thrown as a TypeError that names fields only. */
export async function perform(vault: VaultCore, verb: string, input: unknown): Promise<unknown> {
  if (verb === 'peek') return (await vault.peek(checked(inputs.peek, input))) ?? null
  if (verb === 'adopt') return (await vault.adopt(checked(inputs.adopt, input))) ?? null
  if (verb === 'sealAhead') return vault.sealAhead(checked(inputs.sealAhead, input)).then(() => null)
  if (verb === 'forward') return vault.forward(checked(inputs.forward, input))
  if (verb === 'seal') return vault.seal(checked(inputs.seal, input))
  if (verb === 'open') return vault.open(checked(inputs.open, input))
  if (verb === 'shred') return vault.shred(checked(inputs.shred, input))
  if (verb === 'unsettled') return vault.unsettled(checked(inputs.unsettled, input).limit)
  if (verb === 'writeInquiries') return vault.updater.writeInquiries(checked(inputs.writeInquiries, input))
  if (verb === 'readAdvices') return vault.updater.readAdvices(checked(inputs.readAdvices, input))
  if (verb === 'sealAdvices')
    return (await vault.updater.sealAdvices(checked(inputs.sealAdvices, input))).map(one => ({ ...one, card: one.card ?? null }))
  if (verb === 'renew') return (await vault.updater.renew(checked(inputs.renew, input))) ?? null
  if (verb === 'detokenize') return vault.detokenize(checked(inputs.detokenize, input))
  const cards = await performCardFiles(vault.cardFiles, verb, input)
  if (cards !== undefined) return cards.result
  if (verb === 'settle') return vault.settle(checked(inputs.settle, input)).then(() => null)
  throw new TypeError('the vault has no such verb')
}

/** How a failure travels. A bug's message stays inside: what it says was written for a log, not for another process. */
export function failureOf(error: unknown): readonly [kind: FailureKind, message: string] {
  if (error instanceof NoAnswer) return ['no_answer', error.message]
  if (error instanceof Unavailable) return ['unavailable', error.message]
  if (error instanceof Problem && error.code === 'gone') return ['gone', error.detail]
  return ['bug', error instanceof TypeError ? error.message : 'the vault failed; its log says why']
}

export function errorOf(kind: string, message: string): Error {
  if (kind === 'no_answer') return new NoAnswer(message)
  if (kind === 'unavailable') return new Unavailable(message)
  if (kind === 'gone') return new Problem('gone', message)
  return new TypeError(message)
}
