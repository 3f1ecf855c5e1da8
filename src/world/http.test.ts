import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { type ChannelRequest, NoAnswer } from '../channels/channel.ts'
import { type ClosableSend, createPublicSend, createSend } from './http.ts'

const closing: (() => Promise<unknown>)[] = []
after(async () => {
  for (const close of closing.reverse()) await close()
})

const limits = { timeoutMs: 2_000, maxBytes: 1_000, allowLoopback: true }

async function listening(server: Server | NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

async function serving(
  answer: RequestListener,
): Promise<{ readonly port: number; readonly url: string; readonly seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    answer(request, response)
  })
  const port = await listening(server)
  return { port, url: `http://127.0.0.1:${port}`, seen }
}

function opened(send: ClosableSend): ClosableSend {
  closing.push(() => send.close())
  return send
}

const get = (url: string, more: Partial<ChannelRequest> = {}): ChannelRequest => ({ method: 'GET', url, headers: {}, ...more })
const noAnswer = (pattern: RegExp) => (failure: unknown) => failure instanceof NoAnswer && pattern.test(failure.message)

test('an answer comes back whole, its header names in lower case', async () => {
  const { url, seen } = await serving((request, response) => {
    response.writeHead(201, { 'X-Request-ID': 'a', 'Set-Cookie': ['a=1', 'b=2'] })
    request.pipe(response)
  })
  const send = opened(createSend({ ...limits, allowedOrigins: [url] }))
  const answer = await send({ method: 'POST', url: `${url}/v1/a?b=c%20d`, headers: { 'content-type': 'text/plain' }, body: 'grüße' })
  assert.equal(answer.status, 201)
  assert.equal(answer.body, 'grüße')
  assert.equal(answer.headers['x-request-id'], 'a')
  assert.equal(answer.headers['set-cookie'], 'a=1, b=2')
  assert.equal(seen[0]?.url, '/v1/a?b=c%20d')
  assert.equal(seen[0]?.headers['content-type'], 'text/plain')
})

test('connections are kept for the next request', async () => {
  const ports = new Set<number | undefined>()
  const { url } = await serving((request, response) => {
    ports.add(request.socket.remotePort)
    response.end('ok')
  })
  const send = opened(createSend({ ...limits, allowedOrigins: [url] }))
  for (let i = 0; i < 20; i += 1) await send(get(url))
  assert.ok(ports.size <= 2, `${ports.size} connections for 20 requests`)
})

test('a channel may be called at its own origins only', async () => {
  const { url, seen } = await serving((_request, response) => response.end('ok'))
  const send = opened(createSend({ ...limits, allowedOrigins: ['https://api.example.com'] }))
  await assert.rejects(send(get(url)), noAnswer(/not one of the allowed origins/))
  assert.equal(seen.length, 0)
})

test('a redirect is an answer, never followed', async () => {
  const { url, seen } = await serving((request, response) => {
    const to = request.url === '/1' ? '/2' : 'http://169.254.169.254/latest/meta-data'
    response.writeHead(request.url === '/1' ? 307 : 302, { location: to }).end()
  })
  const send = opened(createPublicSend(limits))
  const answer = await send({ method: 'POST', url: `${url}/1`, headers: {}, body: 'x' })
  assert.equal(answer.status, 307)
  assert.equal(seen.length, 1)
})

test('an answer that drips is given up at the deadline of the whole request', async () => {
  const { url } = await serving((_request, response) => {
    response.writeHead(200)
    const drip = setInterval(() => response.write('.'), 20)
    response.on('close', () => clearInterval(drip))
  })
  const send = opened(createSend({ ...limits, timeoutMs: 300, allowedOrigins: [url] }))
  const startedAt = performance.now()
  await assert.rejects(send(get(url)), noAnswer(/no whole answer within 300 ms/))
  assert.ok(performance.now() - startedAt < 1_500)
})

test('headers that never end, and an answer that never comes, are given up at the deadline', async () => {
  const port = await listening(
    createNetServer((socket: Socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write('x-more: and more\r\n'), 20)
      socket.on('close', () => clearInterval(drip))
    }),
  )
  const send = opened(createPublicSend({ ...limits, timeoutMs: 300 }))
  await assert.rejects(send(get(`http://127.0.0.1:${port}/`)), noAnswer(/no whole answer/))
})

test('a name server that never answers is given up at the deadline', async () => {
  const send = opened(createPublicSend({ ...limits, timeoutMs: 200, resolve: () => new Promise(() => {}) }))
  await assert.rejects(send(get('https://shop.example.com/')), noAnswer(/no whole answer|Timeout/i))
})

test('an answer that is too large is no answer', async () => {
  const { url } = await serving((request, response) => {
    if (request.url === '/headers') response.writeHead(200, { 'x-large': 'a'.repeat(20_000) }).end()
    else response.end('a'.repeat(1_001))
  })
  const send = opened(createSend({ ...limits, allowedOrigins: [url] }))
  await assert.rejects(send(get(`${url}/body`)), noAnswer(/exceed/i))
  await assert.rejects(send(get(`${url}/headers`)), noAnswer(/overflow/i))
})

test('whatever goes wrong on the way is no answer, and nothing else is thrown', async () => {
  const { url } = await serving((request, response) => {
    if (request.url === '/reset') request.socket.destroy()
    else response.writeHead(200, { 'content-length': '10' }).write('half', () => request.socket.destroy())
  })
  const rude = await listening(createNetServer(socket => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n')))
  const send = opened(createPublicSend(limits))
  for (const bad of [
    `${url}/reset`,
    `${url}/half`,
    `http://127.0.0.1:${rude}/`,
    'http://127.0.0.1:1/',
    'not a url',
    'https://127.0.0.1:1/',
  ])
    await assert.rejects(send(get(bad)), noAnswer(/./), bad)
  await assert.rejects(send(get(url, { headers: { 'x-a': 'b\r\nhost: evil' } })), noAnswer(/./))
})

test('a name with one private address among public ones is not called', async () => {
  for (const private_ of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:8.8.8.8', '64:ff9b::808:808', 'fd00::1']) {
    const send = opened(createPublicSend({ ...limits, resolve: async () => ['8.8.8.8', '2606:4700::1111', private_] }))
    await assert.rejects(send(get('https://shop.example.com/hooks')), noAnswer(/may not be called/), private_)
  }
})

test('even where loopback is allowed, only a name that says so may lead there', async () => {
  const send = opened(createPublicSend({ ...limits, resolve: async () => ['127.0.0.1'] }))
  await assert.rejects(send(get('https://shop.example.com/')), noAnswer(/may not be called/))
  const { port, seen } = await serving((_request, response) => response.end('ok'))
  const local = opened(createPublicSend(limits))
  assert.equal((await local(get(`http://localhost:${port}/`))).status, 200)
  assert.equal(seen[0]?.headers.host, `localhost:${port}`)
})

test('a name is resolved once for a connection, so a second answer changes nothing', async () => {
  const { port, seen } = await serving((_request, response) => response.end('ok'))
  let asked = 0
  const resolve = async () => {
    asked += 1
    return asked === 1 ? ['127.0.0.1'] : ['10.0.0.1']
  }
  const send = opened(createPublicSend({ ...limits, resolve }))
  assert.equal((await send(get(`http://localhost:${port}/`))).status, 200)
  assert.equal(asked, 1)
  assert.equal(seen.length, 1)
  // A new connection asks anew, and the changed answer is refused.
  const again = opened(createPublicSend({ ...limits, resolve }))
  await assert.rejects(again(get(`http://localhost:${port}/`)), noAnswer(/leads to 10\.0\.0\.1/))
  assert.equal(asked, 2)
})

test('over TLS the server is asked for by its name, at the address that was checked', async () => {
  const names: string[] = []
  const server = createTlsServer({
    SNICallback: (name, done) => {
      names.push(name)
      done(new Error('no certificate here'))
    },
  })
  server.on('tlsClientError', () => {})
  const port = await listening(server)
  const send = opened(createPublicSend(limits))
  await assert.rejects(send(get(`https://localhost:${port}/`)), noAnswer(/./))
  assert.deepEqual(names, ['localhost'])
})

test('proxy settings of the environment are not read', async () => {
  const { url: proxy, seen } = await serving((_request, response) => response.end('from the proxy'))
  const { url } = await serving((_request, response) => response.end('direct'))
  const before = { ...process.env }
  Object.assign(process.env, { HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy, NODE_USE_ENV_PROXY: '1' })
  try {
    const send = opened(createPublicSend(limits))
    assert.equal((await send(get(url))).body, 'direct')
    assert.equal(seen.length, 0)
  } finally {
    process.env = before
  }
})
