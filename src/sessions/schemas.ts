import { z } from 'zod'
import { instrumentKinds } from '../channels/source.ts'
import { id, text } from '../http/schemas.ts'
import {
  actionShape,
  channelList,
  mandateTerms,
  oneSubject,
  proof,
  returnedParameters,
  returnUrl,
  subjectNames,
  subjectShape,
  webOrigin,
} from '../instruments/schemas.ts'
import { sessionLifecycle } from './session.ts'

const kinds = z
  .array(z.enum(instrumentKinds))
  .min(1)
  .max(instrumentKinds.length)
  .refine(list => new Set(list).size === list.length, 'must not name a kind twice')

export const sessionBody = z.strictObject({
  customer: id('cus'),
  kinds: kinds.optional().describe('What may be bound; anything without it.'),
  channels: channelList.optional().describe('In the order to try, as in a bind.'),
  origins: z.array(webOrigin).min(1).max(10).optional().describe("Web pages that may use it; without it the return address's."),
  return_url: returnUrl.describe('Where the browser goes after a redirect: `binding_session`, `instrument` and `status` are added to it.'),
  consent: z
    .strictObject({ text_version: text(100) })
    .optional()
    .describe('The text that the customer has to agree to.'),
  mandate: mandateTerms.optional().describe('What the payer agrees to, where the rail makes mandates.'),
})
export const sessionParams = z.strictObject({ id: id('bse') })

export const submitBody = subjectShape
  .extend({
    agreed: z.boolean('must be true or false').optional().describe('The customer agrees to the text of the session.'),
    device: text(200).optional(),
    proof: proof.optional(),
  })
  .refine(body => subjectNames.filter(name => body[name] !== undefined).length === 1, { path: ['card'], error: oneSubject })
export const sessionResumeBody = z.strictObject({ binding: id('bnd').optional(), returned: returnedParameters })
export const sessionBindingBody = z.strictObject({ binding: id('bnd').optional() })

const instant = z.iso.datetime()
const known = z.string().nullable()
/** What a customer may be shown: no tokens, no network ids, no leading digits. */
export const clientInstrumentShape = z
  .object({
    id: z.string(),
    object: z.literal('instrument'),
    kind: z.enum(instrumentKinds),
    status: z.string(),
    expiring: z.boolean(),
    card: z
      .object({ brand: known, last4: known, expiry_month: z.int().nullable(), expiry_year: z.int().nullable(), wallet: known })
      .nullable(),
    account: z.object({ scheme: known, last4: known, country: known, bank: known, handle: known }).nullable(),
  })
  .meta({ id: 'ClientInstrument' })

const shared = {
  id: z.string(),
  object: z.literal('binding_session'),
  livemode: z.boolean(),
  status: z.enum(sessionLifecycle.states),
  kinds: z.array(z.enum(instrumentKinds)).nullable(),
  return_url: z.string(),
  consent_text_version: z.string().nullable(),
  mandate: mandateTerms.nullable(),
  submissions_left: z.int(),
  expires_at: instant,
}
export const sessionShape = z
  .object({
    ...shared,
    customer: z.string(),
    client_secret: z.string().optional().describe('For one browser. Told once.'),
    url: z
      .string()
      .optional()
      .describe('The hosted page for a card, with the client secret behind the #: send the browser there. Told once.'),
    channels: channelList.nullable(),
    origins: z.array(z.string()),
    replaces: z.string().nullable(),
    instrument: z.string().nullable().describe('What is being bound, or was.'),
    created_at: instant,
  })
  .meta({ id: 'BindingSession' })

export const clientSessionShape = z
  .object({
    ...shared,
    last_submission: z
      .enum(['under_way', 'refused', 'bound'])
      .nullable()
      .describe('Why one was refused is told to the server that opened the session, not to the browser.'),
    proof_wanted: z
      .string()
      .nullable()
      .describe(
        'A challenge: the browser finds a text so that SHA-256 of `<challenge>.<text>` begins with as many zero bits as its second part says, and submits the same again with `proof`.',
      ),
    next_action: actionShape.nullable().describe('The same on every device that has the secret.'),
    instrument: clientInstrumentShape.nullable().describe('Once it is bound.'),
  })
  .meta({ id: 'ClientBindingSession' })
