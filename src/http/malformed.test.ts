import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, afterEach, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { idempotency } from './tables.ts'
import { type TrialServer, things, trialServer } from './trial.seam.ts'

let one: TrialServer
before(async () => {
  one = await trialServer({ headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50, keepAliveTimeoutMs: 500 })
})
after(() => one.close())
afterEach(async () => {
  assert.equal((await one.call('GET', '/healthz')).status, 200, 'the server lives')
  assert.deepEqual([one.world.store.count(things), one.world.store.count(idempotency)], [0, 0], 'nothing was written')
  assert.doesNotMatch(one.world.lines.join(''), /4111/)
})

const card = '4111111111111111'

/** Writes the pieces with a pause between, and gives everything that came back until the server closed or was silent. */
function speak(pieces: readonly (string | Buffer)[], { pauseMs = 0, silenceMs = 250 } = {}): Promise<string> {
  const { port } = new URL(one.server.address())
  return new Promise(resolve => {
    const socket = connect(Number(port), '127.0.0.1')
    let heard = ''
    let silence: NodeJS.Timeout | undefined
    const wait = () => {
      clearTimeout(silence)
      silence = setTimeout(() => socket.destroy(), silenceMs)
    }
    socket.on('data', bytes => {
      heard += bytes.toString('latin1')
      wait()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(silence)
      resolve(heard)
    })
    const write = (index: number) => {
      const piece = pieces[index]
      if (piece === undefined || socket.destroyed) return
      socket.write(piece)
      if (pauseMs === 0) write(index + 1)
      else setTimeout(() => write(index + 1), pauseMs)
    }
    socket.on('connect', () => {
      write(0)
      wait()
    })
  })
}

const head = (lines: readonly string[], path = '/v1/notes') =>
  [`POST ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${one.secretKey}`, 'Content-Type: application/json', ...lines, '', ''].join(
    '\r\n',
  )

/** Every answer on the connection is a problem with this status, with an id, without the card. */
function refused(heard: string, status: number, pointer?: string): void {
  assert.match(heard, new RegExp(`^HTTP/1.1 ${status} `), heard.slice(0, 300))
  assert.match(heard, /content-type: application\/problem\+json/i)
  assert.match(heard, /request-id: req_[0-9a-z]{26}/i)
  assert.equal(heard.match(/HTTP\/1\.1 \d/g)?.length, 1, heard)
  assert.doesNotMatch(heard, /4111/)
  if (pointer !== undefined) assert.ok(heard.includes(`"pointer":"${pointer}"`), heard)
}

test('two lengths, or a length and chunks, are refused and what follows is not taken for a request', async () => {
  const smuggled = `0\r\n\r\n${head([`Content-Length: 12`, '', '{"name":"a"}'])}`
  refused(await speak([head(['Content-Length: 5', 'Transfer-Encoding: chunked']) + smuggled]), 400)
  refused(await speak([head(['Transfer-Encoding: chunked', 'Content-Length: 5']) + smuggled]), 400)
  refused(await speak([`${head(['Content-Length: 2', 'Content-Length: 12'])}{"name":"a"}`]), 400)
  refused(await speak([`${head(['Content-Length: 12, 12'])}{"name":"a"}`]), 400)
  for (const encoding of ['xchunked', 'chunked, identity', 'identity, chunked, x', '\x0bchunked'])
    refused(await speak([head([`Transfer-Encoding: ${encoding}`]) + smuggled]), 400)
})

test('chunks and lengths that are not numbers are refused', async () => {
  for (const length of ['-1', '+2', '0x2', '2e0', '99999999999999999999', 'two', '2 2'])
    refused(await speak([`${head([`Content-Length: ${length}`])}{}`]), 400)
  for (const chunk of [
    'zz\r\n{}\r\n0\r\n\r\n',
    '-2\r\n{}\r\n0\r\n\r\n',
    'fffffffffffffffff\r\n{}',
    '2\n{}\r\n0\r\n\r\n',
    '2\r\n{}0\r\n\r\n',
  ])
    refused(await speak([head(['Transfer-Encoding: chunked']) + chunk]), 400)
})

test('a card number is found however the bytes are cut', async () => {
  const body = JSON.stringify({ name: `x ${card}` })
  const cut = body.indexOf('1111')
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
  refused(await speak([head([`Content-Length: ${body.length}`]), body.slice(0, cut), body.slice(cut)], { pauseMs: 20 }), 422, '/name')
  refused(
    await speak([head(['Transfer-Encoding: chunked']), chunk(body.slice(0, cut)), chunk(body.slice(cut)), '0\r\n\r\n'], { pauseMs: 20 }),
    422,
    '/name',
  )
})

test('a card number in a file name or a multipart body is neither taken nor told', async () => {
  const body = `--b\r\nContent-Disposition: form-data; name="f"; filename="${card}.pdf"\r\n\r\n${card}\r\n--b--\r\n`
  const heard = await speak([
    head([`Content-Length: ${body.length}`]).replace('application/json', 'multipart/form-data; boundary=b') + body,
  ])
  refused(heard, 415, 'header/content-type')
})

test('a card number in the address of nothing is not told or logged', async () => {
  refused(await speak([`GET /cards/${card}?pan=${card} HTTP/1.1\r\nHost: x\r\n\r\n`]), 404)
  refused(await speak([`GET /v1/notes/${card}/%zz HTTP/1.1\r\nHost: x\r\n\r\n`]), 404)
  refused(await speak([`${card} / HTTP/1.1\r\nHost: x\r\n\r\n`]), 400)
})

test('too many and too large headers are refused with 431', async () => {
  const many = Array.from({ length: 8000 }, (_, index) => `h${index}: x`)
  refused(await speak([head(many)]), 431)
  refused(
    await speak([
      head(Array.from({ length: 101 }, (_, index) => `h${index}: x`))
        .replace('POST', 'GET')
        .replace('/v1/notes', '/v1/things'),
    ]),
    431,
  )
  refused(await speak([head([`x: ${'a'.repeat(20_000)}`])]), 431)
  refused(await speak([`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`]), 431)
})

test('a header that stands twice does not win over the other', async () => {
  const body = '{"name":"a"}'
  const length = `Content-Length: ${body.length}`
  refused(await speak([head([length, `Authorization: Bearer ${one.publishableKey}`]) + body]), 401)
  refused(await speak([head([length, 'Content-Type: text/plain']) + body]), 415)
  refused(await speak([head([length, 'Idempotency-Key: a', 'Idempotency-Key: b']) + body]), 400, 'header/idempotency-key')
})

test('header lines that are no header lines are refused', async () => {
  for (const line of ['no colon', 'x : y', ' folded: y', 'x: a\0b', 'x\0: a', 'é: a', 'x: a\rb', 'x:\x7f', '(x): y'])
    refused(await speak([head([line, 'Content-Length: 0'])]), 400)
  refused(await speak([head(['Host: y', 'Content-Length: 0'])]), 400, 'header/host')
  refused(
    await speak([`POST /v1/notes HTTP/1.1\r\nAuthorization: Bearer ${one.secretKey}\r\nContent-Length: 0\r\n\r\n`]),
    400,
    'header/host',
  )
  refused(await speak([head(['Expect: 200-ok', 'Content-Length: 0'])]), 400, 'header/expect')
})

test('other protocols and methods are refused', async () => {
  refused(await speak(['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']), 400)
  refused(await speak([Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])]), 400)
  refused(await speak(['GET / HTTP/9.9\r\nHost: x\r\n\r\n']), 400)
  for (const method of ['TRACE', 'PROPFIND', 'PUT', 'OPTIONS', 'QUERY']) {
    const heard = await speak([`${method} /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`])
    assert.match(heard, /^HTTP\/1\.1 40[045] /, method)
    assert.match(heard, /application\/problem\+json/, method)
  }
})

test('compressed bodies are refused before anything is unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20))
  refused(await speak([head(['Content-Encoding: gzip', `Content-Length: ${bomb.length}`]), bomb]), 415, 'header/content-encoding')
})

test('a body beyond the limit is refused by its length, or as soon as it is reached', async () => {
  refused(await speak([head(['Content-Length: 10000000'])]), 413)
  const chunk = `8000\r\n${'a'.repeat(0x8000)}\r\n`
  refused(await speak([head(['Transfer-Encoding: chunked']), chunk, chunk, chunk], { pauseMs: 10 }), 413)
})

test('headers and bodies that drip are cut off in time', async () => {
  refused(await speak(['GET / HTTP/1.1\r\n', ...Array.from({ length: 40 }, () => 'x: y\r\n')], { pauseMs: 50, silenceMs: 2000 }), 408)
  refused(await speak([head(['Content-Length: 1000']), ...Array.from({ length: 40 }, () => ' ')], { pauseMs: 50, silenceMs: 2000 }), 408)
})

test('a connection that breaks off in the middle hurts nobody', async () => {
  const { port } = new URL(one.server.address())
  for (const text of ['', 'P', head([]).slice(0, 40), `${head(['Content-Length: 100'])}{"name":`]) {
    await new Promise<void>(resolve => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(text || ' ', () => socket.resetAndDestroy())
      })
      socket.on('close', () => resolve())
      socket.on('error', () => {})
    })
  }
})
