import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { Secret } from '../../core/secret.ts'
import type { BindOutcome, Call, ChannelAnswer, ChannelRequest, SandboxValue } from '../channel.ts'
import { assertBound, type Bench, bindFully, createBench, credentialsOf, goOn } from '../contract-bench.ts'
import { readAll } from '../contract-webhook.ts'
import { antom } from './channel.ts'
import { signatureHeader } from './sign.ts'
import { subject } from './subject.ts'
import { wallets } from './wallets.ts'
import { timeOf } from './wire.ts'

const [{ settings, signing }] = credentialsOf(subject)
const { clientId = '' } = settings

function walletBy(brand: string, by: 'redirect' | 'app_link' | 'qr' = 'redirect'): SandboxValue {
  const payer = { held: [], tail: '', country: 'HK' }
  return { title: brand, shape: by, source: { type: 'wallet', brand, by, payer }, give: {}, outcome: 'challenged', from: 'ours' }
}

async function begin(bench: Bench, value: SandboxValue = bench.plain): Promise<BindOutcome & { readonly kind: 'challenged' }> {
  const outcome = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
  return outcome.kind === 'challenged' ? outcome : assert.fail(outcome.kind)
}

/** Antom says this, signed as it signs. */
function saying(call: Call, content: unknown, headers: Readonly<Record<string, string>> = {}): Call {
  const answer = (request: ChannelRequest): ChannelAnswer => {
    const body = JSON.stringify(content)
    const time = '1795348800000'
    const signature = signatureHeader({ path: new URL(request.url).pathname, clientId, time, body }, signing) ?? ''
    return { status: 200, headers: { 'response-time': time, signature, ...headers }, body }
  }
  return { ...call, send: request => Promise.resolve(answer(request)) }
}
const result = (resultStatus: string, resultCode: string) => ({ result: { resultStatus, resultCode, resultMessage: '' } })

test('every wallet is asked for by its own code, and our operation and binding travel as the state', async () => {
  for (const { brand, code } of wallets) {
    const sent: unknown[] = []
    const call = createBench(subject).call('opn_1')
    const send: Call['send'] = request => {
      sent.push(JSON.parse(request.body ?? ''))
      return Promise.resolve({ status: 500, headers: {}, body: '' })
    }
    const outcome = await antom.bind?.({ ...call, send }, createBench(subject).input('bnd_1', walletBy(brand)))
    assert.deepEqual(sent, [
      {
        customerBelongsTo: code,
        authRedirectUrl: 'https://pay.example.com/return?token=unguessable',
        scopes: ['AGREEMENT_PAY'],
        authState: `opn_1.bnd_1.${code}`,
        terminalType: 'WEB',
      },
    ])
    assert.deepEqual(outcome?.kind === 'uncertain' && outcome.references, { auth_state: `opn_1.bnd_1.${code}` })
  }
})

test('a wallet nobody has is refused before anything is sent, and may be presented elsewhere', async () => {
  const bench = createBench(subject)
  const outcome = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', walletBy('paypal')))
  assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.elsewhere], ['not_supported', true])
  assert.equal(bench.stage.requests().length, 0)
})

test('a client id of the sandbox is served under the sandbox’s path, any other under the live one', async () => {
  const urls: string[] = []
  const { account, ...call } = createBench(subject).call('opn_1')
  const send: Call['send'] = request => {
    urls.push(new URL(request.url).pathname)
    return Promise.resolve({ status: 500, headers: {}, body: '' })
  }
  for (const id of ['SANDBOX_5Y1', '5Y1']) {
    const other = { ...account, settings: { ...account.settings, clientId: id } }
    await antom.bind?.({ ...call, send, account: other }, createBench(subject).input('bnd_1'))
  }
  assert.deepEqual(urls, ['/ams/sandbox/api/v1/authorizations/consult', '/ams/api/v1/authorizations/consult'])
})

test('an app link leads into the app, and the page stands beside it; a code stands beside the page', async () => {
  const phone = await begin(createBench(subject), walletBy('gcash', 'app_link'))
  assert.deepEqual([phone.action.type, phone.alternatives?.map(one => one.type)], ['app_link', ['redirect']])
  const desk = await begin(createBench(subject), walletBy('gcash', 'redirect'))
  assert.deepEqual([desk.action.type, desk.alternatives?.map(one => one.type)], ['redirect', ['qr']])
  const screen = await begin(createBench(subject), walletBy('gcash', 'qr'))
  assert.deepEqual([screen.action.type, screen.alternatives?.map(one => one.type)], ['qr', ['redirect']])
})

test('U is unknown, whatever its code, and at every door', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
  const returned = { authCode: 'c', authState: bound.references.auth_state ?? '' }
  for (const code of ['UNKNOWN_EXCEPTION', 'RISK_REJECT', 'SUCCESS', 'INVALID_ACCESS_TOKEN']) {
    const call = saying(bench.call('opn_7'), { ...result('U', code), accessToken: 't' })
    const outcomes = [
      await antom.bind?.(call, bench.input('bnd_1')),
      await antom.resume?.(call, { ...about, returned }),
      await antom.refresh?.(call, about),
      await antom.revoke?.(call, about),
    ]
    assert.deepEqual(
      outcomes.map(one => one?.kind),
      Array(4).fill('uncertain'),
      code,
    )
  }
})

test('an answer that Antom did not sign for this request is no answer', async () => {
  const bench = createBench(subject)
  const good = { ...result('S', 'SUCCESS'), normalUrl: 'https://wallet.example.com/' }
  const input = bench.input('bnd_1')
  assert.equal((await bench.bind(saying(bench.call('opn_1'), good), input)).kind, 'challenged')
  for (const headers of [{ signature: '' }, { signature: 'signature=AAAA' }, { 'response-time': '1795348800001' }]) {
    const outcome = await bench.bind(saying(bench.call('opn_1'), good, headers), input)
    assert.deepEqual(outcome.kind === 'uncertain' && outcome.cause, 'not_signed')
  }
})

test('success without a way to the wallet, or without a token, is uncertain', async () => {
  const bench = createBench(subject)
  const empty = result('S', 'SUCCESS')
  const first = await bench.bind(saying(bench.call('opn_1'), empty), bench.input('bnd_1'))
  assert.deepEqual(first.kind === 'uncertain' && first.cause, 'no_way_to_the_wallet')
  const state = 'opn_1.bnd_1.GCASH'
  const about = {
    customer: 'cus_contract',
    binding: 'bnd_1',
    references: { auth_state: state },
    returned: { authCode: 'c', authState: state },
  }
  const second = await antom.resume?.(saying(bench.call('opn_2'), empty), about)
  assert.deepEqual(second?.kind === 'uncertain' && second.cause, 'success_without_token')
})

test('a state that is not the one we sent is not exchanged', async () => {
  const bench = createBench(subject)
  const challenge = await begin(bench)
  const returned = (await bench.play(challenge, true)) ?? {}
  const before = bench.stage.requests().length
  for (const odd of [{ authState: 'opn_9.bnd_9.GCASH' }, { authState: '' }, { authCode: '' }])
    assert.equal((await goOn(bench, challenge.references, { ...returned, ...odd })).kind, 'uncertain')
  assert.equal(bench.stage.requests().length, before)
})

test('a code that is good once, its answer lost: neither bound nor refused, until the notification tells the token', async () => {
  const bench = createBench(subject)
  const value = walletBy('dana')
  const challenge = await begin(bench, value)
  const returned = (await bench.play(challenge, true)) ?? {}
  bench.fault('lost_after', '*')
  assert.equal((await goOn(bench, challenge.references, returned, value)).kind, 'uncertain')
  const again = await goOn(bench, challenge.references, returned, value)
  assert.deepEqual(again.kind === 'uncertain' && again.cause, 'code_already_used')
  const [stored] = bench.effects('stored')
  const told = (await readAll(bench)).find(one => one.news?.kind === 'bound')
  assert.deepEqual([told?.operation, told?.news?.kind === 'bound' && told.news.token], ['opn_1', stored?.token])
})

test('the notification of an agreement goes on where no browser came back', async () => {
  const bench = createBench(subject)
  const value = walletBy('tng', 'qr')
  const challenge = await begin(bench, value)
  bench.stage.simulator.act('approve', 'opn_1', {
    nowMs: bench.clock.nowMs,
    random: n => Buffer.alloc(n, 3),
    address: 'http://127.0.0.1:9',
  })
  const told = (await readAll(bench)).find(one => one.returned !== undefined)
  assert.equal(told?.operation, 'opn_1')
  assertBound(await goOn(bench, challenge.references, told?.returned ?? {}, value))
})

test('a token that lapses is renewed in time, and the new one by its own refresh token', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const life = (bound.validUntilMs ?? 0) - bench.clock.nowMs
  assert.equal(bound.refreshAtMs, bench.clock.nowMs + life * 0.9)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
  bench.clock.nowMs = bound.refreshAtMs ?? 0
  const first = await antom.refresh?.(bench.call('opn_7'), about)
  if (first?.kind !== 'updated') return assert.fail(first?.kind)
  assert.notEqual(first.token, bound.token)
  assert.ok((first.validUntilMs ?? 0) > (bound.validUntilMs ?? 0))
  const second = await antom.refresh?.(bench.call('opn_8'), { ...about, references: { ...bound.references, ...first.references } })
  assert.equal(second?.kind, 'updated')
  assert.equal(bench.effects('changed').length, 2)
})

test('a refresh token of a cancelled agreement, or one too old, ends as a mandate that was revoked', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
  bench.clock.nowMs += 400 * 86_400_000
  const late = await antom.refresh?.(bench.call('opn_7'), about)
  assert.deepEqual(late?.kind === 'refused' && [late.code, late.category], ['EXPIRED_REFRESH_TOKEN', 'mandate_revoked'])
})

test('a wallet whose tokens last gives none to refresh them by', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench, walletBy('alipay_cn'))
  assert.equal(bound.refreshAtMs, undefined)
  assert.ok((bound.validUntilMs ?? 0) > bench.clock.nowMs + 365 * 86_400_000)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
  assert.equal((await antom.refresh?.(bench.call('opn_7'), about))?.kind, 'uncertain')
})

test('a customer who cancels in the wallet is told of, and revoking what is gone is done; a quiet wallet tells nothing', async () => {
  for (const [name, told] of [
    ['cancel', 1],
    ['cancel_quietly', 0],
  ] as const) {
    const bench = createBench(subject)
    const bound = await bindFully(bench)
    bench.stage.simulator.act(name, bound.token, {
      nowMs: bench.clock.nowMs,
      random: n => Buffer.alloc(n, 3),
      address: 'http://127.0.0.1:9',
    })
    const news = (await readAll(bench)).filter(one => one.news?.kind === 'revoked' && one.names.includes(bound.token))
    assert.equal(news.length, told)
    const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
    assert.equal((await antom.revoke?.(bench.call('opn_7'), about))?.kind, 'revoked')
  }
})

test('the simulator believes nobody who does not sign as our client', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const [, , foreign] = credentialsOf(subject)
  const codes: string[] = []
  const spy: Call['send'] = async request => {
    const answer = await call.send(request)
    codes.push(z.object({ result: z.object({ resultCode: z.string() }) }).parse(JSON.parse(answer.body)).result.resultCode)
    return answer
  }
  const { privateKey } = foreign.secrets
  const strange = { ...call.account, secrets: { privateKey: new Secret(privateKey ?? '') } }
  const outcome = await bench.bind({ ...call, account: strange, send: spy }, bench.input('bnd_1'))
  assert.deepEqual(codes, ['INVALID_SIGNATURE'])
  assert.deepEqual(outcome.kind === 'refused' && outcome.category, 'misconfigured')
  const none = { ...call.account, secrets: { privateKey: new Secret('not a key') } }
  assert.equal((await bench.bind({ ...call, account: none }, bench.input('bnd_1'))).kind, 'uncertain')
})

test('times are read in milliseconds and by ISO 8601 with an offset', () => {
  assert.equal(timeOf('1685599933871'), 1_685_599_933_871)
  assert.equal(timeOf('2019-11-27T12:01:01+08:00'), Date.UTC(2019, 10, 27, 4, 1, 1))
  assert.deepEqual([timeOf('soon'), timeOf(undefined)], [undefined, undefined])
})
