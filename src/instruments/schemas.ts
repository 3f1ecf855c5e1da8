/** What the instruments' endpoints take; what they answer is in `shapes.ts`. */
import { z } from 'zod'
import { actionTypes } from '../channels/action.ts'
import { debitSchemes, frequencies } from '../channels/source.ts'
import { isCurrency } from '../core/currency.ts'
import { id, ip, metadata, reference, text, textForChannels, timestamp, urlOrLoopback, userAgent } from '../http/schemas.ts'
import { rebinds, redisplays, successions } from './reuse.ts'

/** Which channels there are is answered by `GET /v1/channels`; one that is none is refused by its name's field. */
export const channelName = z.string().regex(/^[a-z][a-z0-9_]{1,31}$/, "must be a channel's name, as GET /v1/channels lists them")

export const client = z.strictObject({ ip: ip.optional(), user_agent: userAgent.optional(), device: text(200).optional() })
const consent = z.strictObject({ text_version: text(100), accepted_at: timestamp, ip: ip.optional(), user_agent: userAgent.optional() })
export const proof = text(8_200).describe(
  'What the browser found for the challenge of a `proof_wanted`, or `captcha.` and what the captcha gave.',
)
/** Where the customer's browser goes after a challenge. */
export const returnUrl = urlOrLoopback

/** What came back with the browser: names and values are the channel's. */
export const returnedParameters = z
  .record(z.string().regex(/^[A-Za-z0-9_.[\]-]{1,64}$/, 'a name must have 1 to 64 letters, digits, _ . - [ or ]'), text(8192, 0))
  .refine(value => Object.keys(value).length <= 20, 'must have at most 20 entries')

const capture = id('cap').describe('What the vault gave for what was captured.')
export const country = z.string().regex(/^[A-Z]{2}$/, 'must be a country of two capital letters, as ISO 3166-1 has them')
export const currency = z.string().refine(isCurrency, 'must be a currency of ISO 4217')
const brand = z.string().regex(/^[a-z][a-z0-9_]{1,31}$/, "must be a wallet's brand in lower case, such as gcash")
const day = z.iso.date('must be a day, such as 2027-01-31')

/** Exactly one of these stands in a bind. */
const subjects = {
  card: z.strictObject({ capture }).optional(),
  encrypted_card: z
    .strictObject({
      fields: z.record(z.string().max(64), text(8192)).refine(one => Object.keys(one).length <= 20, 'must have at most 20 fields'),
    })
    .optional()
    .describe("What a channel's own fields encrypted in the browser. Only that channel can read it, so name it in `channels`."),
  device_token: z.strictObject({ capture }).optional().describe('An Apple Pay or Google Pay token that the vault decrypted.'),
  bank_account: z
    .strictObject({
      scheme: z.enum(debitSchemes),
      capture: capture.optional(),
      country: country.optional(),
      verify: z.enum(['micro_deposits', 'instant']).optional(),
    })
    .optional()
    .describe('Without a capture the payer types the account at the channel.'),
  wallet: z
    .strictObject({
      brand,
      by: z.enum(['redirect', 'app_link', 'qr']).optional(),
      capture: capture.optional(),
      country: country.optional(),
    })
    .optional(),
  instant_mandate: z
    .strictObject({
      rail: z.enum(['pix_automatico', 'upi_autopay']),
      by: z.enum(['await', 'qr', 'app_link']),
      holder: z.enum(['person', 'company']).optional(),
      capture: capture.optional(),
    })
    .optional(),
  carrier_account: z.strictObject({ capture }).optional(),
}

export const mandateTerms = z
  .strictObject({
    currency,
    rule: z.enum(['max', 'fixed', 'any']),
    amount: z
      .string()
      .regex(/^[1-9]\d{0,14}$/, 'must be digits in minor units, such as 1999')
      .optional(),
    frequency: z.enum(frequencies),
    starts_on: day,
    ends_on: day.optional(),
    count_max: z.int('must be a whole number').min(1, 'must be at least 1').max(10_000, 'must be at most 10000').optional(),
    window: z
      .strictObject({
        rule: z.enum(['on', 'before', 'after']),
        day: z.int('must be a whole number').min(1, 'must be 1 to 31').max(31, 'must be 1 to 31'),
      })
      .optional()
      .describe('When within each month, by its day; where weekly by the day of the week, 1 being Monday.'),
    notice_days: z
      .int('must be a whole number')
      .min(0, 'must be 0 to 90')
      .max(90, 'must be 0 to 90')
      .optional()
      .describe('How many days before a collection the payer is told, where the rail lets you agree on it.'),
    contract: textForChannels(35),
    description: textForChannels(140),
  })
  .refine(one => (one.rule === 'any') === (one.amount === undefined), {
    path: ['amount'],
    error: 'goes with max and fixed, and with those only',
  })
  .refine(one => one.ends_on === undefined || one.ends_on > one.starts_on, { path: ['ends_on'], error: 'must be after starts_on' })
  .refine(one => one.window === undefined || one.frequency !== 'as_presented', { path: ['window'], error: 'goes with a frequency' })
  .refine(one => one.window === undefined || one.frequency !== 'weekly' || one.window.day <= 7, {
    path: ['window', 'day'],
    error: 'must be 1 to 7 where weekly',
  })

export const channelList = z
  .array(channelName)
  .min(1)
  .max(16)
  .refine(list => new Set(list).size === list.length, 'must not name a channel twice')

export const subjectNames = [
  'card',
  'encrypted_card',
  'device_token',
  'bank_account',
  'wallet',
  'instant_mandate',
  'carrier_account',
] as const
export const oneSubject = 'exactly one of '.concat(subjectNames.join(', '), ' must be given')

export const redisplay = z
  .enum(redisplays)
  .describe('always: may be offered at any checkout · limited: only where the customer asked for it · unspecified: nobody has said')

export const subjectShape = z.strictObject(subjects)
export const bindBody = subjectShape
  .extend({
    customer: id('cus'),
    mandate: mandateTerms.optional().describe('What the payer agrees to, where the rail makes mandates.'),
    channels: channelList
      .optional()
      .describe("In the order to try. Without it: the tenant's routing rules, else the route of this deployment."),
    bind_on: z
      .enum(['first', 'all'])
      .optional()
      .describe('`all`: one binding at each of the channels, asked at once; what one refuses takes nothing from the others.'),
    return_url: returnUrl,
    client: client.optional(),
    consent: consent.optional(),
    proof: proof.optional(),
    metadata: metadata.optional(),
    allow_redisplay: redisplay.optional(),
  })
  .refine(body => subjectNames.filter(name => body[name] !== undefined).length === 1, { path: ['card'], error: oneSubject })

export const routeBody = subjectShape
  .omit({ encrypted_card: true })
  .extend({
    mandate: mandateTerms.optional(),
    channels: channelList.optional(),
    bin: z
      .string()
      .regex(/^\d{6,8}$/, 'must be 6 to 8 digits')
      .optional(),
  })
  .refine(body => subjectNames.filter(name => name !== 'encrypted_card' && body[name] !== undefined).length === 1, {
    path: ['card'],
    error: oneSubject,
  })

export const extendBody = z.strictObject({
  channel: channelName,
  return_url: returnUrl,
  client: client.optional(),
  proof: proof.optional(),
})
export const resumeBody = z.strictObject({ binding: id('bnd').optional(), returned: returnedParameters })
export const unbindBody = z.strictObject({
  confirm: z
    .string()
    .regex(/^pln_[A-Za-z0-9_-]{26}$/, 'must be the confirm of a plan: pln_ and 26 letters')
    .optional()
    .describe('The plan that the first answer gave: those who rely on it are left without.'),
  replacement: id('ins').optional().describe("Another of the customer's instruments, on which they rely from now on."),
})
export const bindingBody = z.strictObject({ binding: id('bnd').optional() })
/** How a customer's instruments may be used again. */
const reuse = z.strictObject({
  allow_redisplay: redisplay.optional().describe('Of what is bound from now on.'),
  bind_again: z
    .enum(rebinds)
    .optional()
    .describe('same: a second bind is answered with what there is · refuse: an instrument is bound once'),
  succession: z.enum(successions).optional().describe("What follows a default that ends; without it the tenant's own rule."),
})
export const customerPatch = z.strictObject({ metadata: metadata.optional(), reuse: reuse.optional() })
export const customerBody = z.strictObject({
  reference: reference().optional(),
  clock: id('clk').optional(),
  metadata: metadata.optional(),
  reuse: reuse.optional(),
})
export const webOrigin = z.url({ protocol: /^https?$/, message: 'must be a web origin' }).max(200)
export const grantBody = z.strictObject({
  captures: z.int().min(1).max(1000).optional().describe('How many captures it is good for; 1 without it.'),
  expires_in_seconds: z.int().min(10).max(900).optional().describe('900 without it.'),
  origins: z.array(webOrigin).max(10).optional().describe('Web pages that may use it.'),
})

export const instrumentParams = z.strictObject({ id: id('ins') })
export const customerParams = z.strictObject({ id: id('cus') })

const plainAction = z.object({
  type: z.enum(actionTypes),
  expires_at: z.iso.datetime(),
  url: z.string().nullable().optional().describe('redirect, app_link, three_ds'),
  method: z.enum(['GET', 'POST']).optional().describe('redirect'),
  data: z.record(z.string(), z.string()).nullable().optional().describe('redirect by POST: the form to send'),
  payload: z.string().optional().describe('qr: what the code holds'),
  image_url: z.string().nullable().optional().describe('qr'),
  sent_to: z.string().optional().describe('otp, masked'),
  digits: z.int().nullable().optional().describe('otp'),
  tries_left: z.int().nullable().optional().describe('otp, micro_deposits'),
  resends: z.int().optional().describe('otp: how often it may be sent again'),
  by: z.enum(['amounts', 'descriptor_code']).optional().describe('micro_deposits: answer with `amounts` (`32,45`) or `descriptor_code`'),
  arrives_at: z.iso.datetime().nullable().optional().describe('micro_deposits'),
  stage: z.enum(['fingerprint', 'challenge']).optional().describe('three_ds: answer with `three_ds_result`'),
  token: z.string().optional().describe("three_ds: for the channel's own component"),
  where: z.string().optional().describe('await: where the customer is asked'),
})
export const actionShape = plainAction
  .extend({ binding: z.string(), alternatives: z.array(plainAction).describe('Other ways to the same end; the customer takes one.') })
  .meta({ id: 'NextAction' })
