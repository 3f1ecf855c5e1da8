/**
 * The primitives that the vault stands on, against a selection of the vectors of Project Wycheproof (C2SP): edge cases and attacks that
 * implementations have fallen for. `wycheproof.jsonl` names the commit they are from; there is no npm package of them.
 */
import assert from 'node:assert/strict'
import { createDecipheriv, createPrivateKey, createPublicKey, createSecretKey, diffieHellman, hkdfSync, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { z } from 'zod'
import { publicKeyOf, privateKeyOf as x25519Of } from '../core/sealed-file.ts'

const vector = z.object({
  algorithm: z.string(),
  id: z.int(),
  result: z.enum(['valid', 'invalid', 'acceptable']),
  flags: z.array(z.string()),
})
const hex = z.string().transform(text => Buffer.from(text, 'hex'))
const lines = readFileSync(new URL('wycheproof.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
const vectors = lines.map(line => ({ ...vector.parse(JSON.parse(line)), line }))

/** Of one algorithm, with its own values. */
function each<T extends z.ZodRawShape>(
  algorithm: string,
  least: number,
  shape: z.ZodObject<T>,
  judge: (of: z.output<z.ZodObject<T>>) => Buffer | boolean,
): void {
  const found = vectors.filter(one => one.algorithm === algorithm)
  assert.ok(found.length >= least, `${found.length} vectors of ${algorithm}`)
  for (const { id, result, flags, line } of found) {
    const what = `${algorithm} ${id} (${flags.join(', ')})`
    let outcome: Buffer | boolean
    try {
      outcome = judge(shape.parse(JSON.parse(line)))
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      outcome = false
    }
    if (result !== 'acceptable') assert.equal(outcome !== false, result === 'valid', what)
    // `acceptable`: the vectors leave it open. What agrees on a secret that anybody knows we do not take.
    else if (flags.includes('ZeroSharedSecret')) assert.equal(outcome, false, what)
  }
}
const same = (found: Buffer, wanted: Buffer): Buffer => {
  assert.deepEqual(found, wanted)
  return found
}

test('AES-256-GCM, of envelopes and of wrapped keys', () => {
  each('AES-256-GCM', 60, z.object({ key: hex, iv: hex, aad: hex, msg: hex, ct: hex, tag: hex }), one => {
    const opening = createDecipheriv('aes-256-gcm', createSecretKey(one.key), one.iv, { authTagLength: 16 })
    opening.setAAD(one.aad)
    opening.setAuthTag(one.tag)
    const plain = opening.update(one.ct)
    opening.final()
    return same(plain, one.msg)
  })
})

test('AES-256 key wrap (RFC 3394), of envelopes between vaults', () => {
  each('AES-256-WRAP', 60, z.object({ key: hex, msg: hex, ct: hex }), one => {
    const opening = createDecipheriv('id-aes256-wrap', one.key, Buffer.from('a6a6a6a6a6a6a6a6', 'hex'))
    const plain = Buffer.concat([opening.update(one.ct), opening.final()])
    // OpenSSL answers what has a size that cannot be with nothing instead of an error: `envelope.ts` takes keys of 32 bytes only.
    return plain.length === 0 ? false : same(plain, one.msg)
  })
})

test('X25519: no public key of low order is agreed with', () => {
  each('X25519', 120, z.object({ public: hex, private: hex, shared: hex }), one =>
    same(diffieHellman({ privateKey: x25519Of(one.private), publicKey: publicKeyOf(one.public.toString('base64url')) }), one.shared),
  )
})

test('ECDH on P-256: no point off the curve is taken', () => {
  const spki = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
  const [head, tail] = [Buffer.from('30310201010420', 'hex'), Buffer.from('a00a06082a8648ce3d030107', 'hex')]
  each('ECDH-P-256', 60, z.object({ public: hex, private: z.string(), shared: hex }), one => {
    const scalar = Buffer.from(one.private.padStart(64, '0').slice(-64), 'hex')
    const privateKey = createPrivateKey({ key: Buffer.concat([head, scalar, tail]), format: 'der', type: 'sec1' })
    const publicKey = createPublicKey({ key: Buffer.concat([spki, one.public]), format: 'der', type: 'spki' })
    return same(diffieHellman({ privateKey, publicKey }), one.shared)
  })
})

test('HKDF-SHA-512', () => {
  each('HKDF-SHA-512', 60, z.object({ ikm: hex, salt: hex, info: hex, size: z.int(), okm: hex }), one =>
    same(Buffer.from(hkdfSync('sha512', one.ikm, one.salt, one.info, one.size)), one.okm),
  )
})

test('Ed25519, of checkpoints', () => {
  const spki = Buffer.from('302a300506032b6570032100', 'hex')
  each('Ed25519', 60, z.object({ public: hex, msg: hex, sig: hex }), one =>
    verify(null, one.msg, createPublicKey({ key: Buffer.concat([spki, one.public]), format: 'der', type: 'spki' }), one.sig),
  )
})
