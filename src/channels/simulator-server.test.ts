import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { NoAnswer } from './channel.ts'
import { accountOf, credentialsOf, judgeOf } from './contract-bench.ts'
import { type AnswerFault, answerFaults } from './faults.ts'
import { type ServedSimulator, serveSimulator } from './simulator-server.ts'
import { subject } from './stripe/subject.ts'

const [credentials] = credentialsOf(subject)
const authorization = `Bearer ${credentials.secrets.secretKey}`

type Heard = { readonly type: string; readonly id: string; readonly good: boolean }

/** A webhook endpoint that reads what it is sent with the adapter, and may refuse the first few. */
async function listen(refusals = 0) {
  const heard: Heard[] = []
  let left = refusals
  const take = async (request: IncomingMessage) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const account = accountOf(credentials)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const reading = await subject.channel.webhook?.({
      send: () => Promise.reject(new NoAnswer('nothing is fetched')),
      headers,
      body: Buffer.concat(chunks),
      nowMs: Date.now(),
      secrets: account.webhookSecrets,
      account,
    })
    const told = reading?.kind === 'told' ? reading.told[0] : undefined
    heard.push({ type: told?.type ?? '', id: told?.event ?? '', good: told !== undefined })
    left -= 1
    return left < 0 ? (told === undefined ? 400 : 200) : 503
  }
  const server = createServer((request, response) => {
    take(request).then(status => response.writeHead(status).end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}/hooks`, heard, close }
}

async function withServer(
  run: (served: ServedSimulator, hooks: Awaited<ReturnType<typeof listen>>) => Promise<void>,
  refusals = 0,
): Promise<void> {
  const hooks = await listen(refusals)
  const served = await serveSimulator(subject.sandbox.createSimulator(credentials), {
    judge: judgeOf(subject),
    webhookTarget: hooks.url,
    webhookSecrets: [credentials.signing],
    now: Date.now,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  try {
    await run(served, hooks)
  } finally {
    await served.close()
    hooks.close()
  }
}

function makeCustomer(served: ServedSimulator, key: string, signal?: AbortSignal) {
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': key }
  return fetch(`${served.address}/v1/customers`, {
    method: 'POST',
    headers,
    body: 'metadata[a]=b',
    ...(signal === undefined ? {} : { signal }),
  })
}

async function bindCard(served: ServedSimulator, number = '4242424242424242'): Promise<void> {
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
  const post = async (path: string, body: string) => {
    const answer = await fetch(served.address + path, { method: 'POST', headers, body })
    const value: unknown = await answer.json()
    return typeof value === 'object' && value !== null && 'id' in value ? String(value.id) : ''
  }
  const customer = await post('/v1/customers', '')
  const method = await post('/v1/payment_methods', `type=card&card[number]=${number}&card[exp_month]=3&card[exp_year]=2035`)
  await post('/v1/setup_intents', `customer=${customer}&payment_method=${method}&confirm=true&usage=off_session`)
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !what(); i += 1) await sleep(20)
  assert.ok(what(), 'it did not happen within 4 s')
}

test('faults over a real socket: the effect is there or not as named, whatever the caller saw', async () => {
  await withServer(async served => {
    const seen: Record<string, string> = {}
    for (const fault of answerFaults) {
      served.faults.add({ match: { method: 'POST', path: '/v1/cust*' }, fault, times: 1, delayMs: 300 })
      const timeoutMs = fault === 'slow' || fault === 'drip' ? 100 : 5_000
      const answer = await makeCustomer(served, fault, AbortSignal.timeout(timeoutMs)).catch(() => undefined)
      const text = await answer?.text().catch(() => undefined)
      seen[fault] = answer === undefined || text === undefined ? 'no answer' : `${answer.status}${text === '' ? ' empty' : ''}`
    }
    assert.deepEqual(seen, {
      lost_before: 'no answer',
      lost_after: 'no answer',
      error_before: '500',
      error_after: '500',
      rate_limited: '429',
      html: '200',
      half_json: '200',
      empty: '200 empty',
      error_200: '200',
      other_object: '200',
      wrong_money: '200',
      slow: 'no answer',
      drip: 'no answer',
    } satisfies Record<AnswerFault, string>)
    const happened = served.books().effects.map(one => one.key)
    const nothing: readonly AnswerFault[] = ['lost_before', 'error_before', 'rate_limited']
    assert.deepEqual(
      happened,
      answerFaults.filter(one => !nothing.includes(one)),
    )
  })
})

test('webhooks arrive signed and in order, and are repeated until they are taken', async () => {
  await withServer(async (served, hooks) => {
    await bindCard(served)
    await until(() => new Set(hooks.heard.map(one => one.id)).size === 3 && hooks.heard.length >= 5)
    assert.ok(hooks.heard.every(one => one.good))
    const tries = served.deliveries().filter(one => one.type === 'setup_intent.created')
    assert.deepEqual(
      tries.map(one => one.status),
      [503, 200],
    )
    assert.deepEqual(
      tries.map(one => one.attempt),
      [1, 2],
    )
  }, 2)
})

test('webhooks are duplicated, reordered, forged and dropped on demand', async () => {
  await withServer(async (served, hooks) => {
    served.faults.add({ match: { event: 'setup_intent.created' }, fault: 'reordered', times: 1 })
    served.faults.add({ match: { event: 'payment_method.attached' }, fault: 'forged', times: 1 })
    served.faults.add({ match: { event: 'setup_intent.succeeded' }, fault: 'duplicate', times: 1 })
    await bindCard(served)
    await until(() => hooks.heard.length === 5)
    assert.deepEqual(
      hooks.heard.map(one => one.type || 'forged'),
      ['forged', 'payment_method.attached', 'setup_intent.created', 'setup_intent.succeeded', 'setup_intent.succeeded'],
    )
    served.faults.add({ match: {}, fault: 'dropped', times: 3 })
    await bindCard(served)
    served.faults.add({ match: { event: 'setup_intent.requires_action' }, fault: 'reordered', times: 1 })
    await bindCard(served, '4000002760003184')
    // Nothing follows it, and it comes after all.
    await until(() => hooks.heard.at(-1)?.type === 'setup_intent.requires_action')
    assert.equal(hooks.heard.length, 7)
  })
})

test('the sandbox shows its books, requests and violations, and takes faults over HTTP', async () => {
  await withServer(async served => {
    const admin = async (method: string, what: string, body?: object) => {
      const answer = await fetch(`${served.address}/_sandbox/${what}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: JSON.stringify(await answer.json()) }
    }
    assert.equal((await admin('POST', 'faults', { match: { path: '/v1/customers' }, fault: 'rate_limited', times: 2 })).status, 201)
    assert.equal((await admin('POST', 'faults', { match: {}, fault: 'mischief' })).status, 400)
    assert.equal((await makeCustomer(served, 'a')).status, 429)
    await admin('DELETE', 'faults')
    assert.equal((await makeCustomer(served, 'a')).status, 200)
    await bindCard(served)
    const books = await admin('GET', 'books')
    assert.match(books.body, /"stored"/)
    const requests = await admin('GET', 'requests')
    assert.ok(!requests.body.includes('4242424242424242') && requests.body.includes('************4242'))
    assert.ok(!requests.body.includes(authorization))
    assert.equal((await admin('GET', 'violations')).body, '[]')
    const token = served.books().held[0]?.token ?? ''
    assert.equal((await admin('POST', 'act', { name: Object.keys(served.simulator.acts)[0], token })).status, 200)
    assert.equal((await admin('POST', 'act', { name: 'explode', token })).status, 400)
    assert.equal((await admin('GET', 'nothing')).status, 404)
  })
})

test('a request that breaks the specification is refused as the channel would, and recorded', {
  skip: judgeOf(subject) === undefined,
}, async () => {
  await withServer(async served => {
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await fetch(`${served.address}/v1/setup_intents`, { method: 'POST', headers, body: 'usage=whenever&zonk=1' })
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /invalid_request_error/)
    assert.deepEqual(
      served.violations().map(one => [one.about, one.where, one.pointer]),
      [
        ['POST /v1/setup_intents', 'request', ''],
        ['POST /v1/setup_intents', 'request', '/usage'],
      ],
    )
    assert.equal(served.books().effects.length, 0)
  })
})
