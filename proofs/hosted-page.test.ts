/** The hosted page in a real browser, on the real server and vault: a merchant that built nothing gets a card bound. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { type Browser, browserProgram, openBrowser } from './browser.ts'
import { type Caller, callerOf, capture, referenceOf, until } from './caller.ts'
import { canary, scanText } from './canary-scan.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'

const skip = browserProgram === undefined ? 'no Chromium is installed' : false
const undo: (() => unknown)[] = []
let ground: Ground
let caller: Caller
let shop = ''
let said = (): string => ''
before(async () => {
  if (skip !== false) return
  ground = await prepareGround(undo, { durable: false })
  const server = await ground.start()
  said = server.output
  undo.push(() => server.end('SIGTERM'))
  caller = callerOf(ground.address, (await ground.newKey({ mode: 'test', kind: 'secret' })).key)
  shop = await startShop()
})
after(() => undoAll(undo))

/** All that the merchant has: a page to come back to. */
async function startShop(): Promise<string> {
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<title>shop</title>'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  undo.push(() => server.close())
  const bound = server.address()
  return `http://127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}/done`
}

async function withBrowser(act: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await openBrowser(browserProgram ?? '')
  try {
    await act(browser)
  } finally {
    await browser.close()
  }
}

const opened = z.object({ id: z.string(), url: z.string(), client_secret: z.string() })
async function openSession(more: object = {}): Promise<z.output<typeof opened>> {
  const customer = z.object({ id: z.string() }).parse((await caller.call('/v1/customers', { body: {} })).json).id
  const reply = await caller.call('/v1/binding_sessions', { body: { customer, return_url: shop, ...more } })
  assert.equal(reply.status, 201, reply.text)
  return opened.parse(reply.json)
}

/** Asks again while the page is on its way elsewhere. */
const eventually = <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => until(what, () => look().catch(() => undefined))

const told = (browser: Browser) => browser.read(`document.querySelector('#told')?.textContent`)
const isOpen = (browser: Browser) =>
  eventually('the form', async () => ((await browser.read(`document.documentElement.dataset.status`)) === 'open' ? true : undefined))

async function typeCard(
  browser: Browser,
  number: string,
  more: { readonly expiry?: string; readonly holder?: string } = {},
): Promise<void> {
  await browser.read(`for (const one of document.querySelectorAll('form:not(#otp) input')) one.value = ''`)
  await browser.type('[name=number]', number)
  await browser.type('[name=expiry]', more.expiry ?? '12 / 30')
  await browser.type('[name=security_code]', '737')
  if (more.holder !== undefined) await browser.type('[name=holder]', more.holder)
  await browser.click('form button')
}

test('a card that is typed into the hosted page is bound, and the customer is back in the shop', { skip }, async () => {
  await withBrowser(async browser => {
    const session = await openSession({ consent: { text_version: 'terms-7' } })
    await browser.open(session.url)
    await isOpen(browser)
    assert.equal(await browser.read('location.hash'), '', 'the secret leaves the address')
    assert.equal(await browser.read(`document.querySelector('#version').textContent`), 'terms-7')
    await typeCard(browser, '4242 4242 4242 4241')
    await eventually('the refusal', async () => (/check digit/.test(String(await told(browser))) ? true : undefined))
    assert.equal(await browser.read(`document.querySelector('[name=number]').getAttribute('aria-invalid')`), 'true')
    await typeCard(browser, canary(1))
    await eventually('the word that the terms come first', async () => (/agree/.test(String(await told(browser))) ? true : undefined))
    await browser.read(`document.querySelector('[name=agreed]').checked = true`)
    await browser.type('[name=number]', canary(1))
    await browser.type('[name=security_code]', '737')
    await browser.click('form button')
    await eventually('the shop', async () =>
      (await browser.read('location.href')) === `${shop}`
        ? true
        : /status=complete/.test(String(await browser.read('location.href'))) || undefined,
    )
    const { json } = await caller.call(`/v1/binding_sessions/${session.id}`)
    assert.equal(json.status, 'complete')
    const bound = await caller.call(`/v1/instruments/${String(json.instrument)}`)
    assert.equal(bound.json.status, 'active', bound.text)
    const origins = new Set(browser.requested.filter(url => url.startsWith('http')).map(url => new URL(url).origin))
    assert.deepEqual(
      [...origins].toSorted(),
      [ground.address, new URL(session.url).origin, new URL(shop).origin].toSorted(),
      'nothing from anywhere else',
    )
    assert.deepEqual(
      browser.complaints.filter(one => /Content Security Policy|integrity|exceptionThrown/i.test(one)),
      [],
    )
    assert.equal(
      browser.requested.some(url => url.includes(session.client_secret)),
      false,
      'no server is sent the secret in an address',
    )
    assert.deepEqual([...scanText('log', said()), ...browser.requested.flatMap(url => scanText(url, url))], [])
  })
})

test('a card that is refused is said to be, another one is taken, and a page without a session says where to go', { skip }, async () => {
  await withBrowser(async browser => {
    const session = await openSession({ channels: ['adyen'] })
    await browser.open(session.url)
    await isOpen(browser)
    await typeCard(browser, '4111 1111 1111 1111', { holder: 'DECLINED' })
    await eventually('the refusal', async () => (/not accepted/.test(String(await told(browser))) ? true : undefined))
    await browser.read('location.reload()')
    await isOpen(browser)
    await typeCard(browser, '4111 1111 1111 1111', { holder: 'A Customer' })
    await eventually('the shop', async () => (/status=complete/.test(String(await browser.read('location.href'))) ? true : undefined))
  })
  await withBrowser(async browser => {
    const { origin } = new URL((await openSession()).url)
    await browser.open(`${origin}/bind`)
    await eventually('the word', async () => (/link from a shop/.test(String(await told(browser))) ? true : undefined))
    await browser.open(`${origin}/bind#bss_${'0'.repeat(26)}_${'A'.repeat(43)}`)
    await eventually('the word', async () => (/expired/.test(String(await told(browser))) ? true : undefined))
  })
})

test('a card is replaced from the customer’s own view, and the merchant has built nothing', { skip }, async () => {
  await withBrowser(async browser => {
    const customer = z.object({ id: z.string() }).parse((await caller.call('/v1/customers', { body: {} })).json).id
    const reference = referenceOf(await capture(caller, { number: canary(7) }))
    const body = { customer, card: { capture: reference }, channels: ['stripe'], return_url: shop }
    const former = z.object({ id: z.string() }).parse((await caller.call('/v1/instruments', { body })).json).id
    const link = await caller.call(`/v1/customers/${customer}/portal_links`, { body: { return_url: shop, hosted: true } })
    await browser.open(z.object({ url: z.string() }).parse(link.json).url)
    await eventually('the list', async () =>
      (await browser.read(`document.querySelector('form[action$="/replace"]') !== null`)) === true ? true : undefined,
    )
    await browser.click('form[action$="/replace"] button')
    await isOpen(browser)
    await typeCard(browser, canary(8))
    await eventually('the shop', async () => (/status=complete/.test(String(await browser.read('location.href'))) ? true : undefined))
    await eventually('the end of the former card', async () =>
      ['unbound', 'replaced'].includes(String((await caller.call(`/v1/instruments/${former}`)).json.status)) ? true : undefined,
    )
  })
})

test('a challenge leads to the bank and back to the shop, with the card bound', { skip }, async () => {
  await withBrowser(async browser => {
    const session = await openSession({ channels: ['adyen'] })
    await browser.open(session.url)
    await isOpen(browser)
    await typeCard(browser, '4917 6100 0000 0000', { holder: 'John Smith', expiry: '03/30' })
    const left = await eventually('the bank', async () => {
      const url = String(await browser.read('location.href'))
      return url.startsWith(new URL(session.url).origin) ? undefined : url
    })
    assert.match(left, /3ds|bank|challenge/i)
    await eventually('the button', async () =>
      (await browser.read(`document.querySelector('#complete') !== null`)) === true ? true : undefined,
    )
    await browser.click('#complete')
    await eventually('the shop', async () => (String(await browser.read('location.href')).startsWith(shop) ? true : undefined))
    await eventually('the bind', async () =>
      (await caller.call(`/v1/binding_sessions/${session.id}`)).json.status === 'complete' ? true : undefined,
    )
  })
})
