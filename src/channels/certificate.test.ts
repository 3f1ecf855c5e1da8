import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, type KeyPairKeyObjectResult, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createCertificate, derOf } from './certificate.ts'
import type { KeyPair } from './sandbox-channel.ts'

const pems = ({ publicKey, privateKey }: KeyPairKeyObjectResult): KeyPair => ({
  publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
})
const rsa = pems(generateKeyPairSync('rsa', { modulusLength: 2048 }))
const curve = pems(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const about = {
  commonName: 'PSP Recebedor São Paulo',
  notBeforeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  notAfterMs: Date.UTC(2051, 5, 1),
  serial: 7001,
  hosts: ['localhost', '127.0.0.1'],
}

for (const [type, keyPair] of Object.entries({ rsa, curve })) {
  test(`a certificate of our making is read by Node as it was meant, and signed by its own key (${type})`, () => {
    const made = createCertificate({ keyPair, ...about })
    const read = new X509Certificate(made.pem)
    assert.equal(read.subject, `CN=${about.commonName}`)
    assert.equal(read.issuer, read.subject)
    assert.equal(read.serialNumber, '1B59')
    assert.equal(new Date(read.validFrom).getTime(), Date.UTC(2026, 0, 2, 3, 4, 5))
    assert.equal(new Date(read.validTo).getTime(), about.notAfterMs)
    assert.equal(read.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1')
    assert.ok(read.verify(read.publicKey))
    assert.ok(read.checkPrivateKey(read.publicKey.asymmetricKeyType === 'rsa' ? privateOf(rsa) : privateOf(curve)))
    assert.deepEqual(read.raw, made.der)
    assert.deepEqual(derOf(made.pem), made.der)
  })
}

test('with an RSA key the same input is the same certificate', () => {
  assert.deepEqual(createCertificate({ keyPair: rsa, ...about }).der, createCertificate({ keyPair: rsa, ...about }).der)
  assert.notDeepEqual(createCertificate({ keyPair: rsa, ...about, serial: 7002 }).der, createCertificate({ keyPair: rsa, ...about }).der)
})

test('what holds no certificate has no DER', () => assert.equal(derOf('00ff00ff'), undefined))

function privateOf(pair: { readonly privateKey: string }) {
  return createPrivateKey(pair.privateKey)
}
