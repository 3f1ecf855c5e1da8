import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instruments } from '../instruments/tables.ts'
import { returnUrl, visa } from '../instruments/trial.seam.ts'
import { browser, type Stored, trialOnPostgres } from '../sessions/trial.seam.ts'

const mastercard = { ...visa, number: '5555555555554444' }
const bind = async (on: Stored, card: unknown = visa, customer = on.customer) =>
  on.bind({ customer, card: { capture: await on.capture(card) } })

async function linkTo(on: Stored, more: Readonly<Record<string, unknown>> = {}, customer = on.customer) {
  const { status, body } = await on.call('POST', `/v1/customers/${customer}/portal_links`, { return_url: returnUrl, ...more })
  assert.equal(status, 201, JSON.stringify(body))
  const path = new URL(String(body.url)).pathname
  const token = path.slice('/portal/'.length)
  return { id: String(body.id), token, path, phone: browser(on, token) }
}
const ids = (body: unknown): readonly string[] => {
  const { data } = JSON.parse(JSON.stringify(body))
  return data.map((one: { readonly id: string }) => one.id)
}

test('by the link a customer sees what is theirs, without tokens and network ids, and nothing of anybody else', async () => {
  const on = await trialOnPostgres(['stripe'])
  const other = String((await on.call('POST', '/v1/customers', {})).body.id)
  const [mine, theirs] = [await bind(on), await bind(on, mastercard, other)]
  const { phone } = await linkTo(on)
  const { status, body } = await phone.call('GET', '/v1/portal/instruments')
  assert.equal(status, 200)
  assert.deepEqual(ids(body), [mine.id])
  const text = JSON.stringify(body)
  const { token, network_transaction_id } = mine.bindings[0] ?? {}
  for (const secret of [token, network_transaction_id, '411111', 'stripe', theirs.id])
    if (secret !== null) assert.ok(!text.includes(String(secret)), String(secret))
  for (const act of ['unbind', 'replace', 'default'])
    assert.equal((await phone.call('POST', `/v1/portal/instruments/${theirs.id}/${act}`, {})).status, 404, act)
  assert.equal((await on.read(theirs.id)).status, 'active')
})

test('what is forged, lapsed or revoked is told the same, and a link does no more than it may', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id } = await bind(on)
  const link = await linkTo(on, { expires_in: 3_600, may: ['list'] })
  const revoked = await linkTo(on)
  assert.equal((await on.call('DELETE', `/v1/portal_links/${revoked.id}`)).status, 200)
  const [name = '', expires = '', proof = ''] = link.token.split('.')
  const longer = (Number.parseInt(expires, 36) + 1_000).toString(36)
  const guesses = [
    revoked.token,
    `${name}.${longer}.${proof}`,
    `${revoked.id}.${expires}.${proof}`,
    `${name}.${expires}.${proof.slice(0, -2)}${proof.endsWith('AA') ? 'BB' : 'AA'}`,
    'ptl_',
    '',
  ]
  const told = new Set<string>()
  for (const guess of guesses) {
    const answer = await browser(on, guess).call('GET', '/v1/portal/instruments')
    assert.equal(answer.status, 401, guess)
    told.add(JSON.stringify({ ...answer.body, request_id: '' }))
    if (guess !== '') assert.equal((await fetch(`${on.address}/portal/${guess}`)).status, 401)
  }
  assert.equal(told.size, 1)
  for (const act of ['unbind', 'replace', 'default'])
    assert.equal((await link.phone.call('POST', `/v1/portal/instruments/${id}/${act}`, {})).status, 403, act)
  on.advance(3_600_000)
  assert.equal((await link.phone.call('GET', '/v1/portal/instruments')).status, 401)
  const wrong = await on.call('POST', `/v1/customers/${on.customer}/portal_links`, { return_url: returnUrl, expires_in: 86_401 })
  assert.match(JSON.stringify(wrong.body.errors), /"\/expires_in"/)
  const asked = { return_url: returnUrl }
  const once = () => on.call('POST', `/v1/customers/${on.customer}/portal_links`, asked, { 'idempotency-key': 'link-1' })
  const [made, again] = [await once(), await once()]
  assert.deepEqual([made.status, again.status, again.body.id, again.body.url], [201, 201, made.body.id, undefined])
  const kept = await on.dump()
  for (const key of [proof, String(made.body.url).split('.').at(-1) ?? '']) assert.ok(!kept.includes(key), 'no token is kept')
})

test('a replacement is bound by a session, and only then does the former end and is given up', async () => {
  const on = await trialOnPostgres(['stripe'])
  const former = await bind(on)
  const { phone } = await linkTo(on)
  const opened = await phone.call('POST', `/v1/portal/instruments/${former.id}/replace`)
  assert.equal(opened.status, 201)
  assert.equal((await on.read(former.id)).status, 'active')
  const session = browser(on, String(opened.body.client_secret))
  const done = await session.call('POST', '/v1/binding_session/submit', { card: { capture: await on.capture(mastercard) } })
  assert.equal(done.body.status, 'complete', JSON.stringify(done.body))
  const gone = await on.read(former.id)
  assert.equal(gone.status, 'replaced')
  assert.deepEqual(
    gone.bindings.map(one => one.status),
    ['revoked'],
  )
  const [next, ...more] = ids((await phone.call('GET', '/v1/portal/instruments')).body)
  assert.equal(more.length, 0)
  assert.notEqual(next, former.id)
})

const relies = async (on: Stored, id: string, title: string): Promise<void> => {
  const body = { reference: 'sub-1', kind: 'subscription', title }
  assert.equal((await on.call('POST', `/v1/instruments/${id}/dependents`, body)).status, 201)
}
const defaultOf = async (on: Stored) => (await on.call('GET', `/v1/customers/${on.customer}/default`)).body.instrument

test('a default is set, and what others depend on is given up only when that is confirmed', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id } = await bind(on)
  const { phone } = await linkTo(on)
  assert.equal((await phone.call('POST', `/v1/portal/instruments/${id}/default`)).status, 200)
  assert.equal(await defaultOf(on), id)
  await relies(on, id, 'Streaming, monthly')
  const asked = await phone.call('POST', `/v1/portal/instruments/${id}/unbind`, {})
  assert.equal(asked.status, 409)
  assert.match(String(asked.body.detail), /Streaming, monthly/)
  assert.equal((await on.read(id)).status, 'active')
  const done = await phone.call('POST', `/v1/portal/instruments/${id}/unbind`, { confirm: true })
  assert.deepEqual([done.status, ids(done.body)], [200, []])
  assert.equal((await on.read(id)).status, 'unbound')
})

/** A browser without scripts: keeps cookies, sends forms, follows nothing. */
function plainBrowser(address: string) {
  let cookies = ''
  const go = async (path: string, form?: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await fetch(address + path, {
      redirect: 'manual',
      headers: { cookie: cookies, ...headers },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    const set = answer.headers.get('set-cookie')
    if (set !== null) cookies = set.split(';')[0] ?? ''
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  return { go }
}
const csrfIn = (text: string): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''

test('the page works with forms alone, loads nothing, runs nothing, and takes no form from elsewhere', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id } = await bind(on)
  await relies(on, id, '<b>Gym</b> & "pool"')
  const { path } = await linkTo(on)
  const { go } = plainBrowser(on.address)
  const first = await go(path)
  assert.equal(first.status, 200)
  const policy = first.headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none'; style-src 'self'; img-src data:; form-action 'self' https:\/\/shop\.example;/)
  assert.match(first.headers.get('set-cookie') ?? '', /HttpOnly; SameSite=Strict/)
  assert.deepEqual([first.headers.get('cache-control'), first.headers.get('referrer-policy')], ['no-store', 'no-referrer'])
  assert.doesNotMatch(first.text, /<script|style=|javascript:|\son\w+="/)
  assert.match(first.text, /Visa •••• 1111/)
  const csrf = csrfIn(first.text)
  for (const [form, headers] of [
    [{ id }, {}],
    [{ id, csrf: `${csrf.slice(0, -2)}${csrf.endsWith('AA') ? 'BB' : 'AA'}` }, {}],
    [{ id, csrf }, { cookie: '' }],
    [{ id, csrf }, { 'sec-fetch-site': 'cross-site' }],
  ] as const)
    assert.equal((await go(`${path}/default`, form, headers)).status, 403)
  assert.equal(await defaultOf(on), null)
  const set = await go(`${path}/default`, { id, csrf }, { 'sec-fetch-site': 'same-origin' })
  assert.deepEqual([set.status, set.headers.get('location')], [303, `${path}?done=default`])
  const now = await go(String(set.headers.get('location')))
  assert.match(now.text, /Your default has been changed/)
  assert.match(now.text, /Default<\/strong>/)
  assert.doesNotMatch(now.text, /Make default/)
  const confirm = await go(`${path}/unbind/${id}`)
  assert.match(confirm.text, /&lt;b>Gym&lt;\/b> &amp; &quot;pool&quot;/)
  assert.equal((await on.read(id)).status, 'active', 'asking removes nothing')
  assert.equal((await go(`${path}/unbind`, { id, csrf: csrfIn(confirm.text) })).status, 303)
  assert.match((await go(path)).text, /no saved payment methods/)
  assert.equal((await go(`${path}/unbind`, { id, csrf })).status, 404)
})

test('replacing leads to the shop’s page with a session, whose secret no server’s log sees', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id } = await bind(on)
  const { path } = await linkTo(on)
  const { go } = plainBrowser(on.address)
  const onward = await go(`${path}/replace`, { id, csrf: csrfIn((await go(path)).text) })
  assert.equal(onward.status, 303)
  const { origin, searchParams, hash } = new URL(onward.headers.get('location') ?? '')
  assert.deepEqual([origin, searchParams.get('replaces')], ['https://shop.example', id])
  const read = await browser(on, hash.slice('#client_secret='.length)).call('GET', '/v1/binding_session')
  assert.deepEqual([read.status, read.body.id, read.body.kinds], [200, searchParams.get('binding_session'), ['card']])
})

test('what a channel calls a card is shown as text, whatever it is', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id } = await bind(on)
  const row = await on.world.store.get(instruments, { tenant: on.tenant, id })
  assert.ok(row !== undefined)
  const evil = '"><img src=x onerror=alert(1)>'
  const display = { brand: evil, last4: evil, expiryMonth: 3, expiryYear: 2030 }
  const { version } = row
  await on.world.store.commit([{ verb: 'move', table: instruments, key: { tenant: on.tenant, id }, version, set: { display } }])
  const { path } = await linkTo(on)
  const { text } = await plainBrowser(on.address).go(path)
  assert.doesNotMatch(text, /<img/)
  assert.match(text, /&lt;img src=x/)
})
