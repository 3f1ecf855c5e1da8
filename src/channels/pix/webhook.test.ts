import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import type { Told, WebhookReading } from '../channel.ts'
import { readWebhook } from './webhook.ts'

/** The example of RFC 9440, Appendix A: the client's certificate and the header a terminator makes of it. */
const field =
  ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:'
const id = 'RN1234567820260115abcdefghijk'

async function read(
  body: unknown,
  more: { readonly header?: string | undefined; readonly known?: readonly string[] } = {},
): Promise<WebhookReading> {
  const own = createHash('sha256')
    .update(Buffer.from(field.slice(1, -1), 'base64'))
    .digest('hex')
  const header = 'header' in more ? more.header : field
  return readWebhook({
    headers: header === undefined ? {} : { 'client-cert': header },
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    nowMs: 0,
    secrets: (more.known ?? [own]).map(one => new Secret(one)),
    account: { address: 'https://pix.example.com/api', secrets: {}, settings: {}, webhookSecrets: [] },
    send: () => Promise.reject(new TypeError('nothing is sent')),
  })
}
const reason = (of: WebhookReading) => (of.kind === 'rejected' ? of.reason : 'told')
const history = (...statuses: readonly string[]) =>
  statuses.map((status, day) => ({ status, data: `2026-01-${String(day + 10)}T12:00:00.000Z` }))
const rec = (statuses: readonly string[], more: object = {}) => ({
  recs: [{ idRec: id, status: statuses.at(-1), atualizacao: history(...statuses), ...more }],
})
const toldOf = async (body: unknown): Promise<Told | undefined> => {
  const of = await read(body)
  return of.kind === 'told' ? of.told[0] : undefined
}

test('the certificate of RFC 9440 is taken by its fingerprint, however that is written', async () => {
  const certificate = new X509Certificate(Buffer.from(field.slice(1, -1), 'base64'))
  assert.equal(certificate.subject, 'CN=BC')
  const colons = certificate.fingerprint256
  for (const known of [colons, colons.toLowerCase(), colons.replaceAll(':', ''), colons.replaceAll(':', '').toLowerCase()])
    assert.equal(reason(await read(rec(['CRIADA', 'APROVADA']), { known: ['00'.repeat(32), known] })), 'told', known)
})

test('without the certificate, or with another, nothing is believed, whatever it says', async () => {
  const body = rec(['CRIADA', 'APROVADA'])
  const other = `:${Buffer.from('another').toString('base64')}:`
  for (const header of [
    undefined,
    '',
    ':',
    '::',
    field.slice(1),
    field.slice(0, -1),
    `${field}, ${field}`,
    other,
    field.replace('MIIB', 'MIIC'),
  ])
    assert.equal(reason(await read(body, { header })), 'forged', header)
  for (const known of [[], [''], ['00'.repeat(32)], ['not hexadecimal']]) assert.equal(reason(await read(body, { known })), 'forged')
})

test('what is not a notification is malformed; those of charges and payments are taken and tell nothing', async () => {
  for (const body of ['', 'null', '[]', '{}', { recs: [] }, { recs: [{}] }, { recs: [{ ...rec(['PAUSADA']).recs[0] }] }])
    assert.equal(reason(await read(body)), 'malformed', JSON.stringify(body))
  for (const body of [{ cobsr: [{ txid: 'a' }] }, { pix: [] }]) {
    const reading = await read(body)
    assert.deepEqual(reading.kind === 'told' && [reading.told, reading.answer.status], [[], 200])
  }
})

test('each state is the news it means', async () => {
  const kinds: Record<string, unknown> = {}
  const rejected = { encerramento: { rejeicao: { codigo: 'AP13', descricao: 'a' } } }
  const cancelled = (codigo: string, solicitante = 'USUARIO_PAGADOR') => ({
    encerramento: { cancelamento: { codigo, solicitante, descricao: 'a' } },
  })
  const cases = {
    created: rec(['CRIADA']),
    approved: rec(['CRIADA', 'APROVADA']),
    rejected: rec(['CRIADA', 'REJEITADA'], rejected),
    'expired unanswered': rec(['CRIADA', 'EXPIRADA']),
    'expired in the end': rec(['CRIADA', 'APROVADA', 'EXPIRADA']),
    'cancelled before': rec(['CRIADA', 'CANCELADA'], cancelled('FRUD', 'PSP_PAGADOR')),
    'cancelled by us before': rec(['CRIADA', 'CANCELADA'], cancelled('SLCR', 'USUARIO_RECEBEDOR')),
    'cancelled after': rec(['CRIADA', 'APROVADA', 'CANCELADA'], cancelled('SLDB')),
    // A history cut short does not show whether it had been approved: what may be alive is taken to be over.
    'cancelled, history cut': rec(['CANCELADA'], cancelled('SLDB')),
    'expired, history cut': rec(['EXPIRADA']),
  }
  for (const [name, body] of Object.entries(cases)) {
    const news = (await toldOf(body))?.news
    kinds[name] = news?.kind === 'refused' ? [news.by, news.category, news.code] : (news?.kind ?? 'nothing')
  }
  assert.deepEqual(kinds, {
    created: 'nothing',
    approved: 'bound',
    rejected: ['issuer', 'cancelled_by_customer', 'AP13'],
    'expired unanswered': ['issuer', 'cancelled_by_customer', 'EXPIRADA'],
    'expired in the end': 'expired',
    'cancelled before': ['issuer', 'fraud_suspected', 'FRUD'],
    'cancelled by us before': ['channel', 'mandate_revoked', 'SLCR'],
    'cancelled after': 'revoked',
    'cancelled, history cut': 'revoked',
    'expired, history cut': 'expired',
  })
})

test('a state is one event however often it is told, and two states are two', async () => {
  const approved = await toldOf(rec(['CRIADA', 'APROVADA']))
  assert.deepEqual(await toldOf(rec(['CRIADA', 'APROVADA'])), approved)
  assert.notEqual((await toldOf(rec(['CRIADA', 'APROVADA', 'CANCELADA'])))?.event, approved?.event)
  assert.deepEqual(approved?.moment, { atMs: Date.parse('2026-01-11T12:00:00Z') })
})

test('one delivery may tell of several', async () => {
  const reading = await read({ recs: [...rec(['CRIADA', 'APROVADA']).recs, ...rec(['CRIADA']).recs] })
  assert.equal(reading.kind === 'told' && reading.told.length, 2)
})

test('one of a batch that cannot be read costs the others nothing, and what it is about is looked at', async () => {
  const [approved] = rec(['CRIADA', 'APROVADA']).recs
  const paused = { ...rec(['PAUSADA']).recs[0], idRec: 'RN12345678202601010000000009Z' }
  for (const strange of [paused, {}, null, 7, []]) {
    const reading = await read({ recs: [strange, approved] })
    const told = reading.kind === 'told' ? reading.told : assert.fail(`${JSON.stringify(strange)}: ${reading.detail}`)
    assert.deepEqual([told.length, told[0]?.type, told[0]?.news, told[1]?.news?.kind], [2, 'malformed', undefined, 'bound'])
    assert.deepEqual(told[0]?.names.length === 1 ? told[0].returned : 'no name', strange === paused ? {} : 'no name')
  }
  const again = await Promise.all([1, 2].map(() => read({ recs: [paused, approved] })))
  assert.deepEqual(again[0], again[1])
})

test('a bank that writes null for what is not there is understood', async () => {
  const [approved] = rec(['CRIADA', 'APROVADA']).recs
  const told = await toldOf({ recs: [{ ...approved, encerramento: null }] })
  assert.equal(told?.news?.kind, 'bound')
})
