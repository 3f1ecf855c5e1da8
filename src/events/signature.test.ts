import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { keyBytes, makeKeys, readKey, sign } from './signature.ts'

const message = { id: 'evt_1', nowMs: Date.now(), body: '{"type":"binding.active","grüße":"\u{1f512}"}' }
const keysFrom = (start: number) => makeKeys(Buffer.from(Array.from({ length: keyBytes }, (_, index) => (start + index) % 256)))

/** Checks `v1a` as a receiver would: with the public key it was given. */
function fitsPublicKey(publicKey: string, headers: Readonly<Record<string, string>>, body: string): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(publicKey.replace('whpk_', ''), 'base64')])
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
  const signatures = (headers['webhook-signature'] ?? '').split(' ').flatMap(one => (one.startsWith('v1a,') ? [one.slice(4)] : []))
  return signatures.some(one => verify(null, signed, key, Buffer.from(one, 'base64')))
}

test('the reference library accepts what we sign, whatever the body', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: keyBytes, maxLength: keyBytes }), fc.json(), (random, body) => {
      const keys = makeKeys(Buffer.from(random))
      const headers = sign({ ...message, body }, [readKey(keys)])
      assert.deepEqual(new Webhook(keys.secret).verify(body, headers), JSON.parse(body))
      assert.equal(fitsPublicKey(keys.publicKey, headers, body), true)
    }),
    { numRuns: 50 },
  )
})

test('a changed body, id, time or key is refused', () => {
  const keys = keysFrom(1)
  const headers = sign(message, [readKey(keys)])
  const webhook = new Webhook(keys.secret)
  const changed = [
    { body: `${message.body} `, headers },
    { body: message.body, headers: { ...headers, 'webhook-id': 'evt_2' } },
    { body: message.body, headers: { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) } },
  ]
  for (const one of changed) {
    assert.throws(() => webhook.verify(one.body, one.headers))
    assert.equal(fitsPublicKey(keys.publicKey, one.headers, one.body), false)
  }
  assert.throws(() => new Webhook(keysFrom(2).secret).verify(message.body, headers))
  assert.equal(fitsPublicKey(keysFrom(2).publicKey, headers, message.body), false)
})

test('with two keys both old and new receivers accept', () => {
  const [old, fresh] = [keysFrom(1), keysFrom(100)]
  const headers = sign(message, [readKey(fresh), readKey(old)])
  assert.equal(headers['webhook-signature'].split(' ').length, 4)
  for (const keys of [old, fresh]) {
    new Webhook(keys.secret).verify(message.body, headers)
    assert.equal(fitsPublicKey(keys.publicKey, headers, message.body), true)
  }
})

test('keys have the forms of the standard', () => {
  const keys = keysFrom(7)
  assert.match(keys.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.match(keys.privateKey, /^whsk_[A-Za-z0-9+/]{86}==$/)
  assert.match(keys.publicKey, /^whpk_[A-Za-z0-9+/]{43}=$/)
  // The private key carries the public one behind the seed.
  assert.equal(Buffer.from(keys.privateKey.slice(5), 'base64').subarray(32).toString('base64'), keys.publicKey.slice(5))
})

test('RFC 8032, test 1: the key of a known seed', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  const keys = makeKeys(Buffer.concat([Buffer.alloc(32), seed]))
  assert.equal(
    Buffer.from(keys.publicKey.slice(5), 'base64').toString('hex'),
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  )
})

test('what is not a key is not signed with', () => {
  const keys = keysFrom(1)
  for (const [secret, privateKey] of [
    [keys.privateKey, keys.secret],
    ['whsec_', keys.privateKey],
    ['whsec_c2hvcnQ=', keys.privateKey],
    [keys.secret, 'whsk_c2hvcnQ='],
    ['', ''],
  ] as const)
    assert.throws(() => readKey({ secret, privateKey }), TypeError)
})
