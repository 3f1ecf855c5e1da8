/**
 * The third witness: Adyen's official library, unmodified, drives the same scenario against the same simulator, and what it puts on the
 * wire is what our adapter puts there. The simulator and the adapter cannot share a misreading that the library does not share.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CheckoutAPI, Client, EnvironmentEnum, RecurringAPI, Types } from '@adyen/api-library'
import type { Call, ChannelRequest, MandateTerms, Send, Source } from '../channel.ts'
import { type ServedSimulator, serveSimulator } from '../simulator-server.ts'
import { adyen } from './channel.ts'
import { account, judgeAtHand, redirectIn, rehearse } from './rehearse.ts'
import { createAdyenSimulator } from './simulator.ts'

const card = { number: '4111111111111111', holder: 'John Smith' }
const challenged = { number: '4917610000000000', holder: 'John Smith' }
const servers: ServedSimulator[] = []
const request = https.request

/** The library speaks https to Adyen's test hosts only: its sockets end at the simulator instead. Nothing of it is replaced. */
before(() => {
  Object.assign(https, {
    request: ({ agent: _agent, ...options }: https.RequestOptions) => {
      const { port } = new URL(servers.at(-1)?.address ?? 'http://127.0.0.1:9')
      assert.match(options.hostname ?? '', /^(?:checkout|pal)-test\.adyen\.com$/)
      return http.request({ ...options, protocol: 'http:', hostname: '127.0.0.1', port })
    },
  })
})
after(async () => {
  Object.assign(https, { request })
  for (const one of servers) await one.close()
})

async function serve(): Promise<ServedSimulator> {
  const served = await serveSimulator(createAdyenSimulator(), {
    judge: judgeAtHand(),
    webhookSecrets: [],
    now: () => Date.now(),
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  servers.push(served)
  return served
}

async function press(url: string): Promise<string> {
  const answer = await fetch(`${url}/complete`, { method: 'POST', redirect: 'manual' })
  return new URL(answer.headers.get('location') ?? '').searchParams.get('redirectResult') ?? ''
}

const fill =
  (send: Send, plastic: { number: string; holder: string }): Send =>
  wanted =>
    send({ ...wanted, body: filled(wanted.body, plastic) })
const filled = (body: string | undefined, plastic: { number: string; holder: string }): string =>
  (body ?? '')
    .replace('{{card.number}}', plastic.number)
    .replace('{{card.expiryMonth}}', '03')
    .replace('{{card.expiryYear}}', '2030')
    .replace('{{card.securityCode}}', '737')
    .replace('{{card.holder}}', plastic.holder)

/** The scenario, by our adapter: bind, challenge and resume, Adyen's own fields, a mandate, look up, refresh, revoke. */
async function byAdapter(address: string): Promise<void> {
  const send: Send = async (wanted: ChannelRequest) => {
    const init = { method: wanted.method, headers: wanted.headers, ...(wanted.body ? { body: wanted.body } : {}) }
    const answer = await fetch(wanted.url, init)
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
  }
  const call = (operation: string): Call => ({ operation, key: `key-${operation}`, account: { ...account, address }, send })
  const { input } = rehearse()
  const bound = await adyen.bind?.({ ...call('opn_1'), send: fill(send, card) }, input(card))
  assert.ok(bound?.kind === 'bound')
  const first = await adyen.bind?.({ ...call('opn_2'), send: fill(send, challenged) }, input(challenged))
  assert.ok(first?.kind === 'challenged')
  const returned = { redirectResult: await press(redirectIn(first).url) }
  const second = await adyen.resume?.(call('opn_3'), {
    customer: 'cus_alice',
    binding: 'bnd_1',
    references: first.references,
    returned,
  })
  assert.ok(second?.kind === 'bound')
  const fields = await adyen.bind?.(call('opn_6'), { ...input(card), source: hostedFields })
  assert.equal(fields?.kind, 'bound')
  const mandate = await adyen.bind?.(call('opn_7'), { ...input(card), binding: 'bnd_7', source: upiQr, terms })
  assert.ok(mandate?.kind === 'challenged' && mandate.action.type === 'qr')
  const references = { stored_payment_method: bound.token }
  const look = { customer: 'cus_alice', binding: 'bnd_1', verb: 'bind', references, source: undefined } as const
  assert.equal((await adyen.lookUp?.(call('opn_4'), look))?.kind, 'bound')
  const again = { customer: 'cus_alice', binding: 'bnd_1', token: bound.token, references }
  assert.equal((await adyen.refresh?.(call('opn_8'), again))?.kind, 'verifying')
  const gone = await adyen.revoke?.(call('opn_5'), { customer: 'cus_alice', binding: 'bnd_1', token: bound.token, references: {} })
  assert.equal(gone?.kind, 'revoked')
}

/** The same, by the library's own types: what it takes for a payment is checked by the compiler. */
async function byLibrary(): Promise<void> {
  const client = new Client({ apiKey: 'AQE-test', environment: EnvironmentEnum.TEST })
  const { PaymentsApi, RecurringApi } = new CheckoutAPI(client)
  const pay = (reference: string, plastic: typeof card) =>
    PaymentsApi.payments(paymentRequest(reference, plastic), { idempotencyKey: `key-${reference}` })
  const bound = await pay('opn_1', card)
  assert.equal(bound.resultCode, 'Authorised')
  const token = bound.additionalData?.['tokenization.storedPaymentMethodId'] ?? ''
  const first = await pay('opn_2', challenged)
  assert.equal(first.resultCode, 'RedirectShopper')
  const url = first.action != null && 'url' in first.action ? first.action.url : undefined
  const redirectResult = await press(url ?? '')
  const second = await PaymentsApi.paymentsDetails({ details: { redirectResult } }, { idempotencyKey: 'key-opn_3' })
  assert.equal(second.resultCode, 'Authorised')
  const fields = await PaymentsApi.payments(hostedRequest(), { idempotencyKey: 'key-opn_6' })
  assert.equal(fields.resultCode, 'Authorised')
  const mandate = await PaymentsApi.payments(mandateRequest(), { idempotencyKey: 'key-opn_7' })
  assert.equal(mandate.action?.type, 'qrCode')
  const list = await RecurringApi.getTokensForStoredPaymentDetails('cus_alice', 'BinderyECOM')
  assert.ok(list.storedPaymentMethods?.some(one => one.id === token && one.lastFour === '1111'))
  const updater = await new RecurringAPI(client).RecurringApi.scheduleAccountUpdater({
    merchantAccount: 'BinderyECOM',
    reference: 'opn_8',
    shopperReference: 'cus_alice',
    selectedRecurringDetailReference: token,
  })
  assert.equal(updater.result, 'Success')
  await RecurringApi.deleteTokenForStoredPaymentDetails(token, 'cus_alice', 'BinderyECOM')
}

function paymentRequest(reference: string, plastic: typeof card): Types.checkout.PaymentRequest {
  const { PaymentRequest, CardDetails, ThreeDSRequestData } = Types.checkout
  return {
    merchantAccount: 'BinderyECOM',
    amount: { value: 0, currency: 'EUR' },
    reference,
    paymentMethod: {
      type: CardDetails.TypeEnum.Scheme,
      number: plastic.number,
      expiryMonth: '03',
      expiryYear: '2030',
      cvc: '737',
      holderName: plastic.holder,
    },
    storePaymentMethod: true,
    shopperReference: 'cus_alice',
    recurringProcessingModel: PaymentRequest.RecurringProcessingModelEnum.CardOnFile,
    shopperInteraction: PaymentRequest.ShopperInteractionEnum.Ecommerce,
    channel: PaymentRequest.ChannelEnum.Web,
    returnUrl: 'https://pay.example.com/return/abc?x=1',
    authenticationData: { threeDSRequestData: { nativeThreeDS: ThreeDSRequestData.NativeThreeDSEnum.Disabled } },
    shopperIP: '192.0.2.1',
    browserInfo: {
      userAgent: 'Mozilla/5.0',
      acceptHeader: '*/*',
      language: 'en',
      colorDepth: 24,
      screenHeight: 0,
      screenWidth: 0,
      timeZoneOffset: 0,
      javaEnabled: false,
    },
  }
}

const upiQr: Source = { type: 'instant_mandate', rail: 'upi_autopay', by: 'qr', payer: { held: [], tail: '', country: 'IN' } }
const terms: MandateTerms = {
  currency: 'INR',
  rule: 'max',
  amount: '49900',
  frequency: 'monthly',
  startsOn: '2027-01-01',
  endsOn: '2031-12-31',
  contract: 'PLAN1',
  description: 'Monthly plan',
}
const encrypted = {
  encryptedCardNumber: 'test_5555444433331111',
  encryptedExpiryMonth: 'test_03',
  encryptedExpiryYear: 'test_2030',
  encryptedSecurityCode: 'test_737',
}
const hostedFields: Source = { type: 'encrypted_card', fields: encrypted }

function hostedRequest(): Types.checkout.PaymentRequest {
  const { CardDetails } = Types.checkout
  const shopperReference = 'bnd1'
  return { ...paymentRequest('opn_6', card), shopperReference, paymentMethod: { type: CardDetails.TypeEnum.Scheme, ...encrypted } }
}

function mandateRequest(): Types.checkout.PaymentRequest {
  const { Mandate, PaymentRequest, UpiQrDetails } = Types.checkout
  const { authenticationData: _authentication, browserInfo: _browser, ...common } = paymentRequest('opn7', card)
  return {
    ...common,
    amount: { value: 0, currency: 'INR' },
    paymentMethod: { type: UpiQrDetails.TypeEnum.UpiQr },
    shopperReference: 'bnd7',
    recurringProcessingModel: PaymentRequest.RecurringProcessingModelEnum.Subscription,
    countryCode: 'IN',
    mandate: {
      amount: '49900',
      amountRule: Mandate.AmountRuleEnum.Max,
      frequency: Mandate.FrequencyEnum.Monthly,
      startsAt: '2027-01-01',
      endsAt: '2031-12-31',
      remarks: 'Monthlyplan',
    },
  }
}

const isCall = (one: { readonly path: string }): boolean => /^\/v7[12]\/|^\/pal\/servlet\//.test(one.path)

/** What matters of a request: names that differ by chance (tokens, results) become their kind. */
function normalized(served: ServedSimulator): readonly unknown[] {
  return served
    .requests()
    .filter(isCall)
    .map(one => ({
      method: one.method,
      // The library speaks v72, of which we use nothing that v71 has not.
      path: one.path.replace(/^\/v7[12]/, '').replace(/(storedPaymentMethods\/).+/, '$1<token>'),
      query: [...new URLSearchParams(one.query)].sort(),
      key: one.headers['idempotency-key'] ?? '',
      contentType: one.method === 'POST' ? one.headers['content-type'] : '',
      body:
        one.method === 'POST'
          ? JSON.parse(one.body.replace(/X6Xtf[\w-]+/, '<result>').replace(/(DetailReference":")\w+/, '$1<token>'))
          : '',
      status: one.status,
    }))
}

test('the official library and our adapter put the same requests on the wire, and the specification objects to neither', async () => {
  const ours = await serve()
  await byAdapter(ours.address)
  const theirs = await serve()
  await byLibrary()
  assert.equal(ours.requests().filter(isCall).length, 8)
  assert.deepEqual(normalized(ours), normalized(theirs))
  assert.deepEqual([...ours.violations(), ...theirs.violations()], [])
  assert.deepEqual(
    ours.books().effects.map(one => one.effect),
    theirs.books().effects.map(one => one.effect),
  )
})
