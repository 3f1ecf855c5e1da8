/** What the endpoints that move card numbers between vaults take and answer. Numbers are in none of it. */
import { z } from 'zod'
import { id, reference } from '../http/schemas.ts'
import { partParams } from './shapes.ts'

const instant = z.iso.datetime()
/** PEM has lines, so it is no `text`. */
const pem = z
  .string('must be a certificate in PEM')
  .max(8_192, 'must have at most 8192 characters')
  .regex(/^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/, 'must be one certificate in PEM')

export const cardFileBody = z.strictObject({
  sender: pem.describe('The certificate whose key signs every part: P-256 or RSA, in PEM.'),
})
export const cardFileParams = z.strictObject({ id: id('cdf') })
export const cardPartParams = z.strictObject({ id: id('cdf'), number: partParams.shape.number })

export const cardFileShape = z
  .object({
    id: z.string(),
    object: z.literal('card_file'),
    livemode: z.boolean(),
    certificate: z.string().describe('For this transfer alone: encrypt for it.'),
    status: z.enum(['open', 'complete']),
    parts: z.int(),
    cards: z.int(),
    created_at: instant,
    expires_at: instant.describe('By then its key and every card that no import took are forgotten.'),
  })
  .meta({ id: 'CardFile' })
export const cardPartShape = z
  .object({ object: z.literal('card_file_part'), card_file: z.string(), number: z.int(), cards: z.int(), complete: z.boolean() })
  .meta({ id: 'CardFilePart' })
export const forgottenShape = z.object({ id: z.string(), object: z.literal('card_file'), deleted: z.literal(true) })

export const certificateShape = z
  .object({ object: z.literal('sender_certificate'), certificate: z.string() })
  .meta({ id: 'SenderCertificate' })

export const cardExportBody = z.strictObject({
  grant: id('rgr').describe('Made by an operator of the vault: `npx bindery release-cards`.'),
  certificate: pem.describe('Of the receiving vault, for this transfer.'),
  card_file: reference(80).describe('What the receiving vault calls the transfer.'),
  part: z.int('must be a whole number').min(1, 'must be 1 or more').max(1_000_000, 'must be at most 1000000'),
  after: z
    .string('must be the text that the part before gave as next')
    .regex(/^[0-9]{1,19}$/, 'must be the text that the part before gave as next')
    .optional(),
  limit: z.int('must be a whole number').min(1, 'must be 1 or more').max(1_000, 'must be at most 1000').optional(),
})
export const cardExportShape = z
  .object({
    object: z.literal('card_export_part'),
    part: z.int(),
    cards: z.int(),
    left: z.array(z.string()).describe('Cards whose numbers are not in the vault.'),
    next: z.string().nullable().describe('`after` of the next part; null: this was the last.'),
    content: z.string().describe('In base64: CMS, encrypted for the certificate and signed.'),
  })
  .meta({ id: 'CardExportPart' })
