import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientAddress } from './clientAddress.ts'

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
