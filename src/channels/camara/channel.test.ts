/** What the contract suite cannot know of CAMARA: the customer at the phone, and every answer the specification gives an example of. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { BindOutcome, Call, ChannelRequest, References, SandboxValue } from '../channel.ts'
import { type Bench, createBench, kindOf } from '../contract-bench.ts'
import { isRecord } from '../json.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { loadDocument } from '../judge-document.ts'
import { camara } from './channel.ts'
import { sandboxCode } from './magic.ts'
import { subject } from './subject.ts'

type Challenged = BindOutcome & { readonly kind: 'challenged' }
async function begin(bench: Bench, value: SandboxValue = bench.plain): Promise<Challenged> {
  const outcome = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
  return outcome.kind === 'challenged' ? outcome : assert.fail(kindOf(outcome))
}
const about = (references: References, returned: Readonly<Record<string, string>>) => ({
  customer: 'cus_contract',
  binding: 'bnd_1',
  references,
  returned,
})
async function type(bench: Bench, references: References, otp: string): Promise<BindOutcome> {
  return (await camara.resume?.(bench.call('opn_2'), about(references, { otp }))) ?? assert.fail()
}
async function again(bench: Bench, references: References): Promise<BindOutcome> {
  return (await camara.resend?.(bench.call('opn_3'), about(references, {}))) ?? assert.fail()
}

test('what goes out is what the specification names, and the phone is a placeholder', async () => {
  const bench = createBench(subject)
  const sent: ChannelRequest[] = []
  const noting = (call: Call): Call => ({
    ...call,
    send(request) {
      sent.push(request)
      return call.send(request)
    },
  })
  const call = bench.call('opn_1')
  const outcome = await bench.bind(noting(call), bench.input('bnd_1'))
  assert.ok(outcome.kind === 'challenged')
  await camara.resume?.(noting(bench.call('opn_2')), about(outcome.references, { otp: ' 123456 ' }))
  const token = bench.effects('challenged')[0]?.token
  const headers = (correlator: string) => ({
    accept: 'application/json',
    authorization: `Bearer ${call.account.secrets.accessToken?.reveal()}`,
    'content-type': 'application/json',
    'x-correlator': correlator,
  })
  assert.deepEqual(sent, [
    {
      method: 'POST',
      url: 'http://127.0.0.1:9/one-time-password-sms/v1/send-code',
      headers: headers('opn_1'),
      body: '{"phoneNumber":"{{payer.phone}}","message":"{{code}} is your code to pay with this phone number, for Bindery sandbox"}',
      placeholders: true,
    },
    {
      method: 'POST',
      url: 'http://127.0.0.1:9/one-time-password-sms/v1/validate-code',
      headers: headers('opn_2'),
      body: JSON.stringify({ authenticationId: token, code: '123456' }),
    },
  ])
})

test('the message keeps its label and its length, whatever the sender is called', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const account = { ...call.account, settings: { sender: 'ñ'.repeat(300) } }
  assert.equal((await bench.bind({ ...call, account }, bench.input('bnd_1'))).kind, 'challenged')
  assert.deepEqual(bench.stage.violations(), [])
})

test('a wrong code may be typed again until the operator has had enough', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench)
  for (const otp of ['000000', 'ABC']) {
    const outcome = await type(bench, references, otp)
    assert.deepEqual(outcome.kind === 'challenged' && outcome.references, references)
  }
  const third = await type(bench, references, '999999')
  assert.deepEqual(third.kind === 'refused' && [third.category, third.code, third.elsewhere], [
    'authentication_failed',
    'ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED',
    false,
  ])
  assert.equal((await type(bench, references, sandboxCode)).kind, 'refused', 'the right code comes too late')
  assert.equal(bench.effects('stored').length, 0)
})

test('a wrong code, then the right one, binds', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench)
  assert.equal((await type(bench, references, '000000')).kind, 'challenged')
  assert.equal((await type(bench, references, sandboxCode)).kind, 'bound')
})

test('nothing typed, or too much, uses up none of the operator’s tries', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench)
  for (let i = 0; i < 5; i += 1)
    for (const otp of ['', '   ', '12345678901']) assert.equal((await type(bench, references, otp)).kind, 'challenged')
  assert.equal(bench.stage.requests().length, 1)
  assert.equal((await type(bench, references, sandboxCode)).kind, 'bound')
})

test('a code that has lapsed is refused; the customer may begin anew', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench)
  bench.clock.nowMs += 11 * 60_000
  const outcome = await type(bench, references, sandboxCode)
  assert.deepEqual(outcome.kind === 'refused' && outcome.code, 'ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED')
})

test('a code that was right lapses, and whoever asks once more after a lost answer does not take that for a no', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench)
  bench.fault('lost_after', '/one-time-password-sms/*')
  await type(bench, references, sandboxCode)
  bench.stage.faults.clear()
  assert.equal(bench.effects('stored').length, 1)
  bench.clock.nowMs += 3_600_000
  const repeated = { ...bench.call('opn_2'), attempt: 2 }
  const outcome = (await camara.resume?.(repeated, about(references, { otp: sandboxCode }))) ?? assert.fail()
  assert.equal(kindOf(outcome), 'uncertain (lapsed_after_a_lost_answer)')
})

test('a code is sent again three times, each a verification of its own, and then no more', async () => {
  const bench = createBench(subject)
  let now = await begin(bench)
  assert.deepEqual(now.action, { type: 'otp', sentTo: '•••001', resends: 3 })
  for (const left of [2, 1, 0]) {
    const next = await again(bench, now.references)
    assert.ok(next.kind === 'challenged' && next.action.type === 'otp')
    assert.equal(next.action.resends, left)
    assert.notEqual(next.references.challenge, now.references.challenge)
    now = next
  }
  assert.deepEqual(await again(bench, now.references), now)
  assert.equal(bench.effects('challenged').length, 4)
  assert.equal((await type(bench, now.references, sandboxCode)).kind, 'bound')
})

test('where the operator sends no more codes, the last one is still good', async () => {
  const bench = createBench(subject)
  const first = await begin(bench)
  for (let i = 0; i < 9; i += 1) await bench.bind(bench.call(`opn_more${i}`), bench.input('bnd_2'))
  const next = await again(bench, first.references)
  assert.ok(next.kind === 'challenged' && next.action.type === 'otp')
  assert.equal(next.action.resends, 0)
  assert.equal((await type(bench, next.references, sandboxCode)).kind, 'bound')
})

test('a code that cannot be sent again does not take the first one away, and is offered as often as it is sent', async () => {
  const bench = createBench(subject)
  const first = await begin(bench)
  const call = bench.call('opn_2')
  const closed = { ...call, account: { ...call.account, secrets: {} } }
  assert.equal((await camara.resend?.(closed, about(first.references, {})))?.kind, 'uncertain')
  assert.equal((await type(bench, first.references, sandboxCode)).kind, 'bound')
  const { resend } = camara.repeat
  assert.equal(resend?.kind === 'repeatable' && resend.times, first.action.type === 'otp' && first.action.resends)
})

test('what is no phone number is refused by the operator, and can be corrected', async () => {
  const bench = createBench(subject)
  const wrong = { ...bench.plain, give: { phone: '0034999000006' } }
  const outcome = await bench.bind(bench.call('opn_1', wrong), bench.input('bnd_1', wrong))
  assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.code, outcome.by], [
    'invalid_account',
    'INVALID_ARGUMENT',
    'issuer',
  ])
})

test('what is no carrier account, or has no phone, is refused before anybody is asked', async () => {
  const bench = createBench(subject)
  const payer = { held: [], tail: '', country: 'ES' } as const
  for (const source of [{ type: 'carrier_account', payer } as const, { type: 'wallet', brand: 'dana', payer } as const]) {
    const outcome = await bench.bind(bench.call('opn_1'), { ...bench.input('bnd_1'), source })
    assert.ok(outcome.kind === 'refused' && outcome.by === 'channel')
  }
  assert.equal(bench.stage.requests().length, 0)
})

test('a door that closes while the code is typed says nothing about the code', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench)
  const call = bench.call('opn_2')
  const closed = { ...call, account: { ...call.account, secrets: {} } }
  assert.equal((await camara.resume?.(closed, about(references, { otp: sandboxCode })))?.kind, 'uncertain')
  assert.equal((await type(bench, references, sandboxCode)).kind, 'bound')
})

/** The examples of an operation's answers, by status. */
function examplesOf(path: string): readonly (readonly [status: number, body: unknown])[] {
  const document = loadDocument(join(specsDirOf(), 'camara/one-time-password-sms-1.1.1.yaml'))
  const at = (value: unknown, ...names: readonly string[]): unknown =>
    names.reduce((found: unknown, name) => (isRecord(found) ? found[name] : undefined), value)
  const responses = at(document, 'paths', path, 'post', 'responses')
  return Object.entries(isRecord(responses) ? responses : {}).flatMap(([status, one]) => {
    const name =
      String(at(one, '$ref') ?? '')
        .split('/')
        .at(-1) ?? ''
    const examples = at(document, 'components', 'responses', name, 'content', 'application/json', 'examples')
    return Object.values(isRecord(examples) ? examples : {}).map(example => [Number(status), at(example, 'value')] as const)
  })
}

test('every answer that the specification gives an example of is understood', { skip: specJudge(specsDirOf()) === 'off' }, async () => {
  const bench = createBench(subject)
  const answering = (status: number, body: unknown) => ({
    ...bench.call('opn_1'),
    send: () => Promise.resolve({ status, headers: {}, body: JSON.stringify(body) }),
  })
  const meanings: string[] = []
  for (const path of ['/send-code', '/validate-code'])
    for (const [status, body] of examplesOf(path)) {
      const call = answering(status, body)
      const outcome =
        path === '/send-code'
          ? await bench.bind(call, bench.input('bnd_1'))
          : await camara.resume?.(call, about({ challenge: '3 001 ea0840f3-3663-4149-bd10-c7c6b8912105' }, { otp: 'AJY3' }))
      const code = isRecord(body) ? body.code : ''
      meanings.push(`${path} ${status} ${code}: ${outcome?.kind === 'refused' ? outcome.category : outcome?.kind}`)
    }
  assert.deepEqual(meanings, [
    '/send-code 400 INVALID_ARGUMENT: invalid_account',
    '/send-code 401 UNAUTHENTICATED: misconfigured',
    '/send-code 403 PERMISSION_DENIED: misconfigured',
    '/send-code 403 ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED: limit_exceeded',
    '/send-code 403 ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED: not_permitted',
    '/send-code 403 ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED: not_permitted',
    '/send-code 404 NOT_FOUND: uncertain',
    '/send-code 429 QUOTA_EXCEEDED: uncertain',
    '/send-code 429 TOO_MANY_REQUESTS: uncertain',
    '/validate-code 400 OUT_OF_RANGE: challenged',
    '/validate-code 400 INVALID_ARGUMENT: challenged',
    '/validate-code 400 ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED: authentication_failed',
    '/validate-code 400 ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED: authentication_failed',
    '/validate-code 400 ONE_TIME_PASSWORD_SMS.INVALID_OTP: challenged',
    '/validate-code 401 UNAUTHENTICATED: uncertain',
    '/validate-code 403 PERMISSION_DENIED: uncertain',
    '/validate-code 404 NOT_FOUND: uncertain',
    '/validate-code 429 QUOTA_EXCEEDED: uncertain',
    '/validate-code 429 TOO_MANY_REQUESTS: uncertain',
  ])
})
