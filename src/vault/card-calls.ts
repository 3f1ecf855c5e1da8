/** The verbs of the vault's socket that move card numbers between vaults. */
import { z } from 'zod'
import type { CardFileDesk } from '../world/card-files.ts'
import { partCardsMax } from './card-file.ts'
import { checked } from './checked.ts'

const mode = z.enum(['test', 'live'])
const name = z.string().max(300)
const whole = z.number().int()
const pem = z.string().max(16 * 1024)
const whose = { tenant: name, mode }
const ofFile = { ...whose, file: name }
/** A part in base64, signature and all. */
const content = z.string().max(1024 * 1024)
const cards = z.array(name).max(partCardsMax)

export const cardFileInputs = {
  beginCardFile: z.object({ ...ofFile, sender: pem }),
  showCardFile: z.object(ofFile),
  takeCardFile: z.object({ ...ofFile, part: whole, content }),
  forgetCardFile: z.object(ofFile),
  peekCards: z.object({ ...ofFile, cards }),
  sealCardsAs: z.object({
    ...ofFile,
    wanted: z.array(z.object({ card: name, instrument: name, instrumentVersion: whole, operation: name })).max(partCardsMax),
  }),
  senderCertificate: z.object(whose),
  writeCardFile: z.object({
    ...ofFile,
    grant: name,
    certificate: pem,
    part: whole,
    last: z.boolean(),
    cards: z.array(z.object({ card: name, instrument: name, instrumentVersion: whole })).max(partCardsMax),
  }),
} as const

const state = z.object({
  id: z.string(),
  certificate: z.string(),
  parts: whole,
  cards: whole,
  complete: z.boolean(),
  createdAt: z.number(),
  expiresAt: z.number(),
})
/** JSON has no `undefined`: what is not there travels as null. */
const maybe = <S extends z.ZodType>(shape: S) => shape.nullable().transform(one => one ?? undefined)
const fault = z.object({ line: whole, field: z.string(), detail: z.string() })

export const cardFileOutputs = <C extends z.ZodType>(captured: C) => ({
  beginCardFile: maybe(state),
  showCardFile: maybe(state),
  takeCardFile: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('taken'), cards: whole, file: state }),
    z.object({ kind: z.literal('refused'), faults: z.array(fault) }),
  ]),
  forgetCardFile: z.boolean(),
  peekCards: z.array(maybe(captured)),
  sealCardsAs: z.array(z.enum(['sealed', 'other', 'missing'])),
  senderCertificate: z.string(),
  writeCardFile: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('written'), content: z.string(), cards: whole, left: z.array(z.string()) }),
    z.object({ kind: z.literal('refused'), field: z.enum(['grant', 'certificate', 'part']), detail: z.string() }),
  ]),
})

/** Undefined: it is none of these verbs. */
export async function performCardFiles(
  desk: CardFileDesk,
  verb: string,
  input: unknown,
): Promise<{ readonly result: unknown } | undefined> {
  const of = cardFileInputs
  if (verb === 'beginCardFile') return { result: (await desk.begin(checked(of.beginCardFile, input))) ?? null }
  if (verb === 'showCardFile') return { result: (await desk.show(checked(of.showCardFile, input))) ?? null }
  if (verb === 'takeCardFile') return { result: await desk.take(checked(of.takeCardFile, input)) }
  if (verb === 'forgetCardFile') return { result: await desk.forget(checked(of.forgetCardFile, input)) }
  if (verb === 'peekCards') return { result: (await desk.peek(checked(of.peekCards, input))).map(one => one ?? null) }
  if (verb === 'sealCardsAs') return { result: await desk.sealAs(checked(of.sealCardsAs, input)) }
  if (verb === 'senderCertificate') return { result: await desk.senderCertificate(checked(of.senderCertificate, input)) }
  if (verb === 'writeCardFile') return { result: await desk.write(checked(of.writeCardFile, input)) }
  return undefined
}
