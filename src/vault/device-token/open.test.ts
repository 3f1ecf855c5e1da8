/** The fake wallet's tokens: opened when they are as minted, refused when anything in them is not. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DeviceToken, type TokenRefusal, TokenRefused, type Wallet, wipe } from './device-token.ts'
import { readKeys } from './keys.ts'
import { createFakeWallet, mintApple, mintGoogle } from './mint.ts'
import { keyOf, makeAppleLike, spkiOf } from './mint-certificates.ts'
import { openDeviceToken, tokenBytesMax } from './open.ts'

const nowMs = Date.parse('2026-11-24T12:00:00Z')
/** Chance that is the same in every run. */
function drawing(name: string) {
  let count = 0
  return (bytes: number): Buffer => {
    count += 1
    const parts = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) => createHash('sha256').update(`${name} ${count} ${i}`).digest())
    return Buffer.concat(parts).subarray(0, bytes)
  }
}
const tap = { nowMs, random: drawing('tap') }
const wallet = createFakeWallet({ nowMs, random: drawing('wallet') })
const keys = readKeys(wallet.settings)
const card = { number: '4242424242424242', expiryMonth: 3, expiryYear: 2030 }

const open = (name: Wallet, token: Buffer, atMs = nowMs): Promise<DeviceToken> =>
  openDeviceToken({ keys, isFirst: () => true }, name, token, atMs)
const reason = (of: TokenRefusal) => ({ name: 'TokenRefused', reason: of })
const bytes = (token: unknown) => Buffer.from(JSON.stringify(token))

for (const name of ['apple_pay', 'google_pay'] as const) {
  const mint = () => (name === 'apple_pay' ? wallet.apple(card, tap) : wallet.google(card, tap))

  test(`${name}: what the fake wallet makes opens to the card it was made for`, async () => {
    const opened = await open(name, mint())
    assert.equal(opened.number.toString(), card.number)
    assert.match(opened.cryptogram?.toString() ?? '', /^[A-Za-z0-9+/]{27}=$/)
    assert.deepEqual([opened.wallet, opened.numberIs, opened.expiryMonth, opened.expiryYear, opened.eci], [name, 'device', 3, 2030, '05'])
    wipe(opened)
    assert.ok(opened.number.every(byte => byte === 0) && opened.cryptogram?.every(byte => byte === 0))
  })

  test(`${name}: a token is opened once, and what was opened in vain is wiped`, async () => {
    const token = mint()
    const seen = new Map<string, number>()
    const isFirst = (_: Wallet, id: string, untilMs: number) => !seen.has(id) && seen.set(id, untilMs) !== undefined
    await openDeviceToken({ keys, isFirst }, name, token, nowMs)
    await assert.rejects(openDeviceToken({ keys, isFirst }, name, token, nowMs), reason('replayed'))
    const [untilMs = 0] = seen.values()
    await assert.rejects(open(name, token, untilMs + 1), reason('stale'))
    const forged = Buffer.from(token.toString().replace(/"signature":"(.)/, (_, first) => `"signature":"${first === 'M' ? 'N' : 'M'}`))
    const asked: string[] = []
    await assert.rejects(openDeviceToken({ keys, isFirst: (_, id) => asked.push(id) > 0 }, name, forged, nowMs))
    assert.deepEqual(asked, [], 'a forgery uses up no id')
  })

  test(`${name}: a token is good for minutes`, async () => {
    const token = mint()
    assert.equal((await open(name, token, nowMs + 299_000)).wallet, name)
    await assert.rejects(open(name, token, nowMs + 301_000), reason('stale'))
  })

  test(`${name}: any text of it changed is refused, whatever it is changed into`, async () => {
    const token: unknown = JSON.parse(mint().toString())
    const places = textsOf(token)
    assert.ok(places.length >= (name === 'apple_pay' ? 6 : 4))
    const change = fc.tuple(fc.constantFrom(...places), fc.nat(), fc.constantFrom(...'ABCabc019+/={}" '))
    await fc.assert(
      fc.asyncProperty(change, async ([place, at, letter]) => {
        const text = place.text
        const index = at % text.length
        // A hexadecimal digit means the same in either case.
        fc.pre(text[index]?.toLowerCase() !== letter.toLowerCase() || (text[index] !== letter && !/^[0-9a-f]{64}$/.test(text)))
        await refused(open(name, bytes(place.with(text.slice(0, index) + letter + text.slice(index + 1)))))
      }),
      { numRuns: 400, seed: 7 },
    )
  })

  test(`${name}: any text of it cut, doubled, empty, or missing is refused`, async () => {
    const token: unknown = JSON.parse(mint().toString())
    for (const place of textsOf(token)) {
      for (const text of ['', place.text.slice(0, -1), place.text + place.text, ` ${place.text}`, undefined])
        await refused(open(name, bytes(place.with(text))))
    }
    for (const text of ['', 'null', '[]', '{}', '"x"', '\u0000', token === null ? '' : JSON.stringify(token).slice(0, -1)])
      await refused(open(name, Buffer.from(text)))
    await refused(open(name, Buffer.alloc(tokenBytesMax + 1, 0x20)))
  })

  test(`${name}: a token of another wallet, or for somebody else, is refused`, async () => {
    await refused(open(name === 'apple_pay' ? 'google_pay' : 'apple_pay', mint()))
    const stranger = createFakeWallet({ nowMs, random: drawing('stranger') })
    await refused(open(name, name === 'apple_pay' ? stranger.apple(card, tap) : stranger.google(card, tap)))
    const sole = { ...keys, [name === 'apple_pay' ? 'apple' : 'google']: undefined }
    await assert.rejects(openDeviceToken({ keys: sole, isFirst: () => true }, name, mint(), nowMs), TypeError)
  })
}

test('apple_pay: no byte of the signature can be changed', async () => {
  const token = JSON.parse(wallet.apple(card, tap).toString())
  const signature = Buffer.from(token.signature, 'base64')
  for (let at = 0; at < signature.length; at += 1) {
    const changed = Buffer.from(signature)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    await refused(open('apple_pay', bytes({ ...token, signature: changed.toString('base64') })), `byte ${at} of ${signature.length}`)
  }
})

test('apple_pay: a certificate without Apple’s mark, or none of the chain, signs nothing', async () => {
  const like = makeAppleLike(drawing('wallet'), createHash('sha256').update('merchant.dev.bindery.fake').digest(), nowMs)
  const payload = '{}'
  const swapped = [
    { ...like, leaf: like.merchant, leafKey: like.merchantKey },
    { ...like, intermediate: like.root },
    { ...like, intermediate: like.leaf },
    { ...like, leafKey: keyOf(drawing('other')) },
  ]
  for (const one of swapped) await assert.rejects(open('apple_pay', mintApple(one, tap, payload)), reason('forged'))
  // The chain as it is gets as far as the payload.
  await assert.rejects(open('apple_pay', mintApple(like, tap, payload)), reason('unsupported'))
})

const applePayload = {
  applicationPrimaryAccountNumber: card.number,
  applicationExpirationDate: '300328',
  currencyCode: '840',
  transactionAmount: 0,
  paymentDataType: '3DSecure',
  paymentData: { onlinePaymentCryptogram: 'AAAA', eciIndicator: '5' },
}

test('apple_pay: a payload that is not whole gives no card', async () => {
  const like = makeAppleLike(drawing('wallet'), createHash('sha256').update('merchant.dev.bindery.fake').digest(), nowMs)
  const sealed = (payload: unknown) =>
    open('apple_pay', mintApple(like, tap, typeof payload === 'string' ? payload : JSON.stringify(payload)))
  assert.equal((await sealed(applePayload)).number.toString(), card.number)
  for (const name of ['applicationPrimaryAccountNumber', 'applicationExpirationDate', 'currencyCode', 'paymentDataType', 'paymentData'])
    await refused(sealed({ ...applePayload, [name]: undefined }))
  await refused(sealed({ ...applePayload, applicationPrimaryAccountNumber: '4242' }))
  await refused(sealed({ ...applePayload, applicationPrimaryAccountNumber: '42424242424242x2' }))
  await refused(sealed({ ...applePayload, applicationExpirationDate: '301328' }))
  await refused(sealed({ ...applePayload, paymentDataType: 'EMV' }))
  await refused(sealed({ ...applePayload, paymentData: {} }))
  // The number stands twice, or where another reader would not look: nobody can tell which is meant.
  await refused(sealed(JSON.stringify(applePayload).replace('{', '{"applicationPrimaryAccountNumber":"4000000000000002",')))
  await refused(
    sealed(JSON.stringify(applePayload).replace('"applicationPrimaryAccountNumber"', '"\\u0061pplicationPrimaryAccountNumber"')),
  )
})

test('google_pay: a card without a cryptogram is the card itself; with the wrong method it is nothing', async () => {
  const plain = await open('google_pay', wallet.google(card, tap, 'PAN_ONLY'))
  assert.deepEqual([plain.numberIs, plain.cryptogram, plain.eci], ['card', undefined, undefined])
  const random = drawing('google')
  const of = { root: keyOf(random), intermediate: keyOf(random), recipient: keyOf(random), recipientId: 'merchant:1' }
  const settings = {
    roots: [{ keyValue: spkiOf(of.root).toString('base64'), protocolVersion: 'ECv2' }],
    recipientId: of.recipientId,
    privateKeys: [of.recipient.export({ type: 'pkcs8', format: 'pem' }).toString()],
  }
  const ports = { keys: readKeys({ google: settings }), isFirst: () => true }
  const details = { pan: card.number, expirationMonth: 3, expirationYear: 2030, authMethod: 'PAN_ONLY' }
  const payload = { messageExpiration: String(nowMs + 1), messageId: 'm1', paymentMethod: 'CARD', paymentMethodDetails: details }
  const sealed = (one: object) => openDeviceToken(ports, 'google_pay', mintGoogle(of, tap, JSON.stringify(one)), nowMs)
  assert.equal((await sealed(payload)).number.toString(), card.number)
  await assert.rejects(sealed({ ...payload, messageExpiration: String(nowMs) }), reason('stale'))
  await refused(sealed({ ...payload, paymentMethod: 'TOKENIZED_CARD' }))
  await refused(sealed({ ...payload, paymentMethodDetails: { ...details, authMethod: 'CRYPTOGRAM_3DS' } }))
  await refused(sealed({ ...payload, paymentMethodDetails: { ...details, cryptogram: 'AAAA' } }))
  await refused(sealed({ ...payload, paymentMethodDetails: { ...details, pan: undefined }, pan: card.number }))
  await refused(sealed({ ...payload, messageId: undefined }))
})

test('keys that cannot open anything are named at the start', () => {
  const { apple, google } = wallet.settings
  assert.ok(apple !== undefined && google !== undefined)
  const [merchant] = apple.merchants
  assert.ok(merchant !== undefined)
  const foreign = google.privateKeys[0] ?? ''
  assert.throws(() => readKeys({ apple: { ...apple, merchants: [{ ...merchant, privateKey: foreign }] } }), /not that of the payment/)
  const bare = { certificate: apple.roots[0] ?? '', privateKey: merchant.privateKey }
  assert.throws(() => readKeys({ apple: { ...apple, merchants: [bare] } }), TypeError)
  assert.deepEqual(readKeys({}), { apple: undefined, google: undefined })
})

test('one seed makes the same wallet again, and two make two', () => {
  const again = createFakeWallet({ nowMs, random: drawing('wallet') })
  assert.deepEqual(again.settings.google?.privateKeys, wallet.settings.google?.privateKeys)
  assert.deepEqual(again.settings.apple?.merchants[0]?.privateKey, wallet.settings.apple?.merchants[0]?.privateKey)
  const other = createFakeWallet({ nowMs, random: drawing('other') })
  assert.notDeepEqual(other.settings.google?.privateKeys, wallet.settings.google?.privateKeys)
})

async function refused(opening: Promise<DeviceToken>, about = ''): Promise<void> {
  const outcome = await opening.then(
    () => 'opened',
    (error: unknown) => (error instanceof TokenRefused ? 'refused' : error),
  )
  assert.equal(outcome, 'refused', about)
}

type Place = { readonly text: string; readonly with: (text: string | undefined) => unknown }

/** Every text in it, with a way to put another in its place. */
function textsOf(value: unknown): readonly Place[] {
  if (typeof value === 'string') return [{ text: value, with: text => text }]
  if (Array.isArray(value))
    return value.flatMap((one, index) =>
      textsOf(one).map(place => ({ text: place.text, with: (text: string | undefined) => value.with(index, place.with(text)) })),
    )
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, one]) =>
    textsOf(one).map(place => ({ text: place.text, with: (text: string | undefined) => ({ ...value, [name]: place.with(text) }) })),
  )
}
