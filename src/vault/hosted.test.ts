import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { hostedFiles, hostedPath } from './hosted.ts'

const files = hostedFiles('https://pay.example/base')
const page = files.get(hostedPath)
const text = page?.body.toString() ?? ''
const header = (name: string): string => page?.headers[page.headers.indexOf(name) + 1] ?? ''

test('the page loads its own script and style and no other, by their digests', () => {
  const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"(?: integrity="([^"]+)")?/g)].filter(([, url]) => url !== 'data:,')
  assert.deepEqual(
    loaded.map(([, url, digest]) => [url, digest]),
    ['/bind.css', '/bind.js'].map(path => [
      path.slice(1),
      `sha384-${createHash('sha384')
        .update(files.get(path)?.body ?? '')
        .digest('base64')}`,
    ]),
  )
  assert.doesNotMatch(text, /<script>|style="|\son[a-z]+="/)
})

test('its policy lets it speak to the vault and the API and to nobody else, and be framed by nobody', () => {
  const policy = new Map(
    header('content-security-policy')
      .split('; ')
      .map(one => [one.split(' ')[0], one]),
  )
  assert.equal(policy.get('default-src'), "default-src 'none'")
  assert.equal(policy.get('script-src'), "script-src 'self'")
  assert.equal(policy.get('connect-src'), "connect-src 'self' https://pay.example")
  assert.equal(policy.get('form-action'), 'form-action https:', 'to a bank only, and in production by https')
  assert.equal(policy.get('frame-ancestors'), "frame-ancestors 'none'")
})

test('its fields are what a browser fills in by itself, each with a word beside it', () => {
  for (const name of ['cc-number', 'cc-exp', 'cc-csc', 'cc-name', 'one-time-code'])
    assert.match(text, new RegExp(`<label[^>]*>[^<]+<input[^>]+autocomplete="${name}"`))
})
