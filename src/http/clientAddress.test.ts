import assert from 'node:assert/strict'
import { test } from 'node:test'
import { believed, clientAddress } from './clientAddress.ts'

test('the client stands as many places from the right as there are proxies of ours', () => {
  const header = '6.6.6.6, 192.0.2.7, 10.0.0.2'
  assert.equal(clientAddress('10.0.0.1', header, 0), '10.0.0.1')
  assert.equal(clientAddress('10.0.0.1', header, 1), '10.0.0.2')
  assert.equal(clientAddress('10.0.0.1', header, 2), '192.0.2.7')
})

test('what is not an address, or not there, is not believed', () => {
  for (const header of ['', 'unknown', '1.2.3', '<script>', '1.2.3.4:80'])
    assert.equal(clientAddress('10.0.0.1', header, 1), '10.0.0.1', header)
  assert.equal(clientAddress('10.0.0.1', '1.2.3.4', 2), '10.0.0.1')
  assert.equal(clientAddress('10.0.0.1', undefined, 2), '10.0.0.1')
})

test('an address seen through a socket of both families is told plainly', () => {
  assert.equal(clientAddress('::ffff:192.0.2.1', undefined, 0), '192.0.2.1')
  assert.equal(clientAddress('::1', '2001:db8::1', 1), '2001:db8::1')
})

test('what is told of a client certificate is believed from a proxy of ours, and dropped from anybody else', () => {
  const headers = { 'client-cert': ':MIIB:', 'client-cert-chain': ':MIIB:', 'content-type': 'application/json' }
  const left = { 'content-type': 'application/json' }
  const none = { trustedProxies: 0, simulatorsTellCertificates: false }
  assert.deepEqual(believed(headers, '192.0.2.7', { ...none, trustedProxies: 1 }), headers)
  for (const peer of ['192.0.2.7', '127.0.0.1', undefined]) assert.deepEqual(believed(headers, peer, none), left, peer)
})

test('in the sandbox a simulator on this machine is believed, and nobody who came through a proxy', () => {
  const headers = { 'client-cert': ':MIIB:' }
  const sandbox = { trustedProxies: 0, simulatorsTellCertificates: true }
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.deepEqual(believed(headers, peer, sandbox), headers, peer)
  assert.deepEqual(believed(headers, '192.0.2.7', sandbox), {})
  for (const name of ['x-forwarded-for', 'forwarded', 'via'])
    assert.deepEqual(believed({ ...headers, [name]: '192.0.2.7' }, '127.0.0.1', sandbox), { [name]: '192.0.2.7' })
})
