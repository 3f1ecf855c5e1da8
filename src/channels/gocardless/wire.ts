/** GoCardless' words: requests as they go out, answers as they come back. Nothing outside this folder's files knows them. */
import { z } from 'zod'
import type { BindInput, Bound, Call, ChannelAnswer, ChannelRequest, References, Refused, Shown, Uncertain } from '../channel.ts'
import type { DebitScheme, MandateTerms, PayerView } from '../source.ts'
import { categoryOf, categoryOfField } from './refusals.ts'

/** The only version there is; every official library sends it. */
export const apiVersion = '2015-07-06'

/**
 * `atFirstPayment`: such a mandate stays `pending_submission` until it is first collected on, and takes payments from its creation (API
 * reference, scenario simulators: "ACH, BECS, BECS_NZ and SEPA mandates … are submitted and activated with their first payment").
 * The others go to the bank at once, which may refuse them for some days.
 */
export type Scheme = { readonly name: string; readonly currency: string; readonly atFirstPayment: boolean }
export const schemes: Readonly<Partial<Record<DebitScheme, Scheme>>> = {
  sepa_debit: { name: 'sepa_core', currency: 'EUR', atFirstPayment: true },
  bacs: { name: 'bacs', currency: 'GBP', atFirstPayment: false },
  ach: { name: 'ach', currency: 'USD', atFirstPayment: true },
}
export const takesPaymentsAtOnce = (scheme: string): boolean =>
  Object.values(schemes).some(one => one.name === scheme && one.atFirstPayment)

const idOf = (prefix: string) => z.string().regex(new RegExp(`^${prefix}[0-9A-Za-z]{1,60}$`))
export const mandateId = idOf('MD')
export const requestId = idOf('BRQ')
const metadataShape = z.record(z.string(), z.string()).nullish()

export const requestShape = z.looseObject({
  id: requestId,
  status: z.string(),
  mandate_request: z.looseObject({
    scheme: z.string().nullish(),
    currency: z.string().nullish(),
    links: z.looseObject({ mandate: mandateId.nullish() }).nullish(),
  }),
  metadata: metadataShape,
  links: z.looseObject({ customer: idOf('CU').nullish(), mandate_request_mandate: mandateId.nullish() }),
  actions: z.array(z.looseObject({ type: z.string(), status: z.string(), required: z.boolean() })).nullish(),
  resources: z
    .looseObject({
      customer_bank_account: z
        .looseObject({
          account_number_ending: z.string().max(4).nullish(),
          bank_name: z.string().nullish(),
          bank_account_token: z.string().nullish(),
        })
        .nullish(),
    })
    .nullish(),
})
export type BillingRequest = z.infer<typeof requestShape>

export const mandateShape = z.looseObject({
  id: mandateId,
  status: z.string(),
  scheme: z.string().nullish(),
  metadata: metadataShape,
  links: z.looseObject({ new_mandate: mandateId.nullish(), customer_bank_account: z.string().nullish() }).nullish(),
})
export type Mandate = z.infer<typeof mandateShape>

export const flowShape = z.looseObject({
  id: idOf('BRF'),
  authorisation_url: z.url(),
  expires_at: z.string().nullish(),
  links: z.looseObject({ billing_request: z.string() }),
})
export type Flow = z.infer<typeof flowShape>

const errorShape = z.object({
  error: z.looseObject({
    type: z.string(),
    code: z.number(),
    message: z.string(),
    errors: z
      .array(
        z.looseObject({
          reason: z.string().nullish(),
          message: z.string().nullish(),
          field: z.string().nullish(),
          request_pointer: z.string().nullish(),
          links: z
            .looseObject({
              conflicting_resource_id: z
                .string()
                .regex(/^[A-Z]{2,4}[0-9A-Za-z]{1,60}$/)
                .nullish(),
            })
            .nullish(),
        }),
      )
      .nullish(),
  }),
})

const address = (call: Call, path: string): string => `${call.account.address}${path}`
const headers = (call: Call): Record<string, string> => ({
  Accept: 'application/json',
  Authorization: `Bearer ${call.account.secrets.accessToken?.reveal() ?? ''}`,
  'GoCardless-Version': apiVersion,
})

export const get = (call: Call, path: string): ChannelRequest => ({ method: 'GET', url: address(call, path), headers: headers(call) })
/** An action without parameters has an empty `data`, as the official library sends it. */
export const post = (call: Call, path: string, key: string, body: unknown = { data: {} }): ChannelRequest => ({
  method: 'POST',
  url: address(call, path),
  headers: { ...headers(call), 'Idempotency-Key': key, 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
})

/**
 * How we find what is ours again. Metadata holds three keys, of 50 and 500 characters (API reference); what is given to the mandate's part
 * of a request is for the mandate, and its events repeat it.
 */
export const marks = {
  operation: 'bindery_operation',
  binding: 'bindery_binding',
  back: 'bindery_return',
  scheme: 'bindery_scheme',
} as const
const markMax = 500

/** `exit_uri` is where the payer is sent who does not go on; with this parameter we know which of the two it was. */
export const leftParameter = 'payer_left'
function leavingUrl(returnUrl: string): string {
  const url = new URL(returnUrl)
  url.searchParams.set(leftParameter, '1')
  return url.href
}

/**
 * ACH: how the payer consents (Nacha). `standing` is a consent to later payments that each have a cause of their own, `recurring` one to
 * a fixed rhythm (developer.gocardless.com, "ACH and PAD Consent Types"). Without terms nothing is promised about a rhythm.
 */
const consentOf = (terms: MandateTerms | undefined) =>
  terms === undefined || terms.frequency === 'as_presented' ? 'standing' : 'recurring'

export function createRequest(call: Call, input: BindInput, scheme: Scheme, verify: boolean): ChannelRequest {
  const ours = { [marks.operation]: call.operation, [marks.binding]: input.binding }
  const back = input.returnUrl.length > markMax ? {} : { [marks.back]: input.returnUrl }
  return post(call, '/billing_requests', `${call.key}.request`, {
    billing_requests: {
      mandate_request: {
        scheme: scheme.name,
        currency: scheme.currency,
        ...(input.terms === undefined ? {} : { description: input.terms.description }),
        ...(verify ? { verify: 'when_available' } : {}),
        ...(scheme.name === 'ach' ? { authorisation_source: 'web', consent_type: consentOf(input.terms) } : {}),
        metadata: { ...ours, [marks.scheme]: scheme.name },
      },
      metadata: { ...ours, ...back },
      ...(input.channelCustomer === undefined ? {} : { links: { customer: input.channelCustomer } }),
    },
  })
}

export const flowRequest = (call: Call, request: string, returnUrl: string): ChannelRequest =>
  post(call, '/billing_request_flows', `${call.key}.flow`, {
    billing_request_flows: { redirect_uri: returnUrl, exit_uri: leavingUrl(returnUrl), links: { billing_request: request } },
  })

const action = (call: Call, request: string, name: string, data: unknown): ChannelRequest => ({
  ...post(call, `/billing_requests/${request}/actions/${name}`, `${call.key}.${name}`, { data }),
  placeholders: true,
})

/**
 * The payer's name is one field with us and two with GoCardless; the name of a company is one, and is taken from a person as well
 * (`BillingRequestCustomer`: "required unless given_name and family_name are provided").
 */
export function customerRequest(call: Call, request: string, payer: PayerView): ChannelRequest {
  const held = (field: PayerView['held'][number], name: string) => (payer.held.includes(field) ? { [name]: `{{payer.${field}}}` } : {})
  return action(call, request, 'collect_customer_details', {
    customer: { company_name: '{{payer.name}}', ...held('email', 'email') },
    customer_billing_detail: {
      ...held('line1', 'address_line1'),
      ...held('city', 'city'),
      ...held('postalCode', 'postal_code'),
      country_code: payer.country,
    },
  })
}

export const accountRequest = (call: Call, request: string, payer: PayerView): ChannelRequest =>
  action(call, request, 'collect_bank_account', {
    account_holder_name: '{{payer.name}}',
    ...(payer.held.includes('iban')
      ? { iban: '{{payer.iban}}' }
      : { account_number: '{{payer.accountNumber}}', branch_code: '{{payer.branch}}', country_code: payer.country }),
  })

export const stepRequest = (call: Call, request: string, name: 'confirm_payer_details' | 'fulfil' | 'cancel'): ChannelRequest =>
  post(call, `/billing_requests/${request}/actions/${name}`, `${call.key}.${name}`)

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The resource in its envelope, of a 2xx. */
export function read<T>(answer: ChannelAnswer, name: string, shape: z.ZodType<T>): T | undefined {
  if (answer.status < 200 || answer.status > 299) return undefined
  const body = z.record(z.string(), z.unknown()).safeParse(parse(answer.body))
  const found = body.success ? shape.safeParse(body.data[name]) : undefined
  return found?.success === true ? found.data : undefined
}

const listShape = z.object({
  billing_requests: z.array(z.looseObject({ id: z.string(), metadata: metadataShape })),
  meta: z.looseObject({ cursors: z.looseObject({ after: z.string().nullish() }) }),
})
export type Page = z.infer<typeof listShape>
export function readPage(answer: ChannelAnswer): Page | undefined {
  const page = answer.status === 200 ? listShape.safeParse(parse(answer.body)) : undefined
  return page?.success === true ? page.data : undefined
}

export const uncertain = (cause: string, references: References): Uncertain => ({ kind: 'uncertain', cause, references })

export type Failure = Refused | Uncertain | { readonly kind: 'conflict'; readonly resource: string }

/**
 * An answer without the resource. Only an error in GoCardless' own words, under the status it names, is a refusal; 404 and 429 are none
 * (what is not found may be somebody else's; a limit passes). `conflict`: the key was used before, and this came of it.
 */
export function readFailure(answer: ChannelAnswer, references: References): Failure {
  const parsed = errorShape.safeParse(parse(answer.body))
  const unread = uncertain(`unexpected_${answer.status}`, references)
  if (!parsed.success) return unread
  const { error } = parsed.data
  const first = error.errors?.[0]
  const resource = error.errors?.find(one => one.reason === 'idempotent_creation_conflict')?.links?.conflicting_resource_id
  if (answer.status === 409 && typeof resource === 'string') return { kind: 'conflict', resource }
  const code = first?.reason ?? error.type
  const definite = answer.status >= 400 && answer.status < 500 && ![404, 408, 429].includes(answer.status)
  if (!definite || error.code !== answer.status || error.type === 'gocardless' || categoryOf(code) === 'try_later') return unread
  const field = `${first?.request_pointer ?? ''} ${first?.field ?? ''}`
  const category = error.type === 'validation_failed' ? categoryOfField(field) : categoryOf(code)
  const message = first?.message === undefined || first.message === null ? error.message : `${first.field ?? ''} ${first.message}`.trim()
  const elsewhere = category === 'misconfigured' || category === 'not_supported'
  return { kind: 'refused', by: 'channel', category, code, message, elsewhere, references }
}

/**
 * `invalid_state` has no list of its reasons. What is refused for one that nobody documented, of a request that is under way, may have been
 * done already: by an attempt of ours whose answer was lost, or by the payer in another tab. The next look tells.
 */
export const unlessMoved = (failure: Refused | Uncertain, references: References): Refused | Uncertain =>
  failure.kind === 'refused' && failure.category === 'unknown' ? uncertain('not_in_that_state', references) : failure

/** GoCardless tells two to four digits of an account, and has a token for it only for organisations with that feature. */
export function boundOf(mandate: string, request: BillingRequest | undefined, references: References): Bound {
  const account = request?.resources?.customer_bank_account
  const shown: Shown = {
    ...(account?.account_number_ending == null ? {} : { handle: `••${account.account_number_ending}` }),
    ...(account?.bank_name == null ? {} : { bank: account.bank_name }),
  }
  return {
    kind: 'bound',
    token: mandate,
    references: { ...references, mandate },
    ...(Object.keys(shown).length === 0 ? {} : { shown }),
    ...(account?.bank_account_token == null ? {} : { identity: { kind: 'account', value: account.bank_account_token } }),
  }
}
