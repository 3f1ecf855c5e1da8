/** What the contract suite cannot know of Pix Automático: what is sent, what each lost request leaves behind, and where journeys meet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BindInput, type ChannelRequest, type LookUpOutcome, NoAnswer, type References, type SandboxValue } from '../channel.ts'
import { afterChallenge, assertBound, assertJudged, type Bench, createBench, kindOf } from '../contract-bench.ts'
import type { AnswerFault } from '../faults.ts'
import { locationOf } from './br-code.ts'
import { pix } from './channel.ts'
import { subject } from './subject.ts'
import { registerWebhookRequest, tokenRequest } from './wire.ts'

const valueBy = (shape: string): SandboxValue => pix.sandboxValues.find(one => one.shape === shape) ?? assert.fail(shape)
const asked = valueBy('await')
const scanned = valueBy('qr')
const terms = asked.terms ?? assert.fail('no terms')

/** Binds and keeps what was sent, placeholders and all. */
async function bindSeen(bench: Bench, value: SandboxValue, more: Partial<BindInput> = {}) {
  const call = bench.call('opn_1', value)
  const sent: ChannelRequest[] = []
  const send: typeof call.send = request => {
    sent.push(request)
    return call.send(request)
  }
  return { outcome: await bench.bind({ ...call, send }, bench.input('bnd_1', value, more)), sent }
}
const lookUp = (bench: Bench, value: SandboxValue, references: References): Promise<LookUpOutcome> => {
  const about = { customer: 'cus_contract', binding: 'bnd_1', verb: 'bind' as const, references, source: value.source }
  return pix.lookUp?.(bench.call('opn_1', value), about) ?? assert.fail()
}
const pathsOf = (sent: readonly ChannelRequest[]) => sent.map(one => `${one.method} ${new URL(one.url).pathname}`)
const bodyOf = (sent: readonly ChannelRequest[], end: string) =>
  JSON.parse(sent.find(one => one.url.endsWith(end) && one.method === 'POST')?.body ?? '{}')

test('journey 1: a location, a recurrence that carries our operation, and the request to the payer’s bank', async () => {
  const bench = createBench(subject)
  const { outcome, sent } = await bindSeen(bench, asked)
  assert.deepEqual(pathsOf(sent), ['POST /oauth/token', 'POST /locrec', 'POST /rec', 'POST /solicrec'])
  assert.deepEqual(
    sent.map(one => one.placeholders ?? false),
    [false, false, true, true],
  )
  assert.equal(sent[1]?.body, undefined, 'a location is made without a body')
  assert.deepEqual(bodyOf(sent, '/rec'), {
    vinculo: {
      contrato: 'opn_1',
      devedor: { cpf: '{{payer.taxId}}', nome: '{{payer.name}}' },
      objeto: '63100862: Streaming de música',
    },
    calendario: { dataInicial: '2031-01-05', periodicidade: 'MENSAL' },
    valor: { valorMinimoRecebedor: '150.00' },
    politicaRetentativa: 'NAO_PERMITE',
    loc: 12069,
  })
  if (outcome.kind !== 'challenged' || outcome.action.type !== 'await') return assert.fail(kindOf(outcome))
  const { recurrence } = outcome.references
  assert.match(recurrence ?? '', /^RN12345678\d{8}[0-9A-Za-z]{11}$/)
  assert.deepEqual(bodyOf(sent, '/solicrec'), {
    idRec: recurrence,
    calendario: { dataExpiracaoSolicitacao: new Date(bench.clock.nowMs + 86_400_000).toISOString() },
    destinatario: {
      agencia: '{{payer.branch}}',
      conta: '{{payer.accountNumber}}',
      cpf: '{{payer.taxId}}',
      ispbParticipante: '{{payer.bank}}',
    },
  })
  assert.equal(outcome.action.expiresAtMs, bench.clock.nowMs + 86_400_000)
})

test('journey 2: the code of the location, and no request to anybody', async () => {
  const bench = createBench(subject)
  const { outcome, sent } = await bindSeen(bench, scanned)
  if (outcome.kind !== 'challenged' || outcome.action.type !== 'qr') return assert.fail(kindOf(outcome))
  assert.deepEqual(pathsOf(sent).slice(1), ['POST /locrec', 'POST /rec', `GET /rec/${outcome.references.recurrence}`])
  assert.match(locationOf(outcome.action.payload) ?? '', /^127\.0\.0\.1:9\/qr\/v2\/rec\/[0-9a-f]{32}$/)
})

test('terms become what the rail can say', async () => {
  const sentFor = async (more: Partial<typeof terms>, payer: object = {}, settings: Readonly<Record<string, string>> = {}) => {
    const bench = createBench(subject)
    const call = bench.call('opn_1', asked)
    const sent: ChannelRequest[] = []
    const send: typeof call.send = request => {
      sent.push(request)
      return call.send(request)
    }
    if (asked.source.type !== 'instant_mandate') return assert.fail()
    const source = { ...asked.source, payer: { ...asked.source.payer, ...payer } }
    const account = { ...call.account, settings: { ...call.account.settings, ...settings } }
    await bench.bind({ ...call, account, send }, bench.input('bnd_1', asked, { terms: { ...terms, ...more }, source }))
    return bodyOf(sent, '/rec')
  }
  assert.deepEqual((await sentFor({ rule: 'fixed', amount: '3500' })).valor, { valorRec: '35.00' })
  assert.deepEqual((await sentFor({ rule: 'max', amount: '5' })).valor, { valorMinimoRecebedor: '0.05' })
  assert.equal((await sentFor({ rule: 'any' })).valor, undefined)
  const periods: string[] = []
  for (const frequency of ['weekly', 'monthly', 'quarterly', 'half_yearly', 'yearly'] as const) {
    periods.push((await sentFor({ frequency, endsOn: '2032-01-05' })).calendario.periodicidade)
  }
  assert.deepEqual(periods, ['SEMANAL', 'MENSAL', 'TRIMESTRAL', 'SEMESTRAL', 'ANUAL'])
  assert.equal((await sentFor({ endsOn: '2032-01-05' })).calendario.dataFinal, '2032-01-05')
  assert.deepEqual((await sentFor({}, { holder: 'company' })).vinculo.devedor, { cnpj: '{{payer.taxId}}', nome: '{{payer.name}}' })
  assert.equal((await sentFor({ description: 'x'.repeat(80) })).vinculo.objeto.length, 35)
  const set = await sentFor({}, {}, { retryPolicy: 'PERMITE_3R_7D', convenio: 'Master' })
  assert.deepEqual([set.politicaRetentativa, set.recebedor], ['PERMITE_3R_7D', { convenio: 'Master' }])
})

test('what the rail cannot do is refused before anything is sent', async () => {
  if (asked.source.type !== 'instant_mandate') return assert.fail()
  const { source } = asked
  const holding = (...held: typeof source.payer.held) => ({ source: { ...source, payer: { ...source.payer, held } } })
  const cases: readonly (readonly [string, Partial<BindInput>])[] = [
    ['source_not_supported', { source: { ...source, rail: 'upi_autopay' } }],
    ['source_not_supported', { source: { ...source, by: 'app_link' } }],
    ['terms_missing', { terms: undefined }],
    ['terms_not_supported', { terms: { ...terms, currency: 'EUR' } }],
    ['terms_not_supported', { terms: { ...terms, amount: '1.50' } }],
    ['terms_not_supported', { terms: { ...terms, frequency: 'as_presented' } }],
    ['payer_taxId_missing', holding('name', 'bank', 'accountNumber')],
    ['payer_bank_missing', holding('taxId', 'name', 'accountNumber')],
  ]
  for (const [code, more] of cases) {
    const { outcome, sent } = await bindSeen(createBench(subject), asked, more)
    assert.deepEqual([outcome.kind, outcome.kind === 'refused' && outcome.code, sent.length], ['refused', code, 0], code)
  }
})

/** Every request of each bind, and what is found when its answer is lost before or after the bank acted on it. */
const losses: Readonly<Record<string, Readonly<Record<string, readonly [before: string, after: string]>>>> = {
  await: {
    '/oauth/token': ['none', 'none'],
    '/locrec': ['none', 'none'],
    '/rec': ['none', 'challenged qr'],
    '/solicrec': ['challenged qr', 'challenged await'],
  },
  qr: {
    '/oauth/token': ['none', 'none'],
    '/locrec': ['none', 'none'],
    '/rec': ['none', 'challenged qr'],
    '/rec/*': ['challenged qr', 'challenged qr'],
  },
}
const said = (of: LookUpOutcome) => (of.kind === 'challenged' ? `challenged ${of.action.type}` : kindOf(of))

for (const [shape, paths] of Object.entries(losses))
  for (const [path, ends] of Object.entries(paths))
    for (const [index, fault] of (['lost_before', 'lost_after'] satisfies readonly AnswerFault[]).entries()) {
      const expected = ends[index] ?? ''
      test(`${shape}: ${path} ${fault} is ${expected}, and nobody is asked twice`, async () => {
        const bench = createBench(subject)
        const value = valueBy(shape)
        bench.fault(fault, path)
        const { outcome } = await bindSeen(bench, value)
        if (outcome.kind !== 'uncertain') return assert.fail(kindOf(outcome))
        const found = await lookUp(bench, value, outcome.references ?? {})
        assert.equal(said(found), expected)
        if (found.kind === 'challenged') assertBound(await afterChallenge(bench, found, true, value))
        assert.equal(bench.effects('stored').length, found.kind === 'challenged' ? 1 : 0)
        assert.ok(bench.stage.requests().filter(one => one.path === '/solicrec').length <= 1)
        assertJudged(bench)
      })
    }

test('a process that died in the middle, and remembers no name, finds its recurrence by our operation', async () => {
  for (const value of [asked, scanned]) {
    const bench = createBench(subject)
    const { outcome } = await bindSeen(bench, value)
    const found = await lookUp(bench, value, {})
    assert.equal(said(found), said(outcome))
    assert.equal('references' in found && found.references?.recurrence, 'references' in outcome && outcome.references?.recurrence)
    assertJudged(bench)
  }
})

test('all pages are searched, and a list that does not end proves nothing', async () => {
  const bench = createBench(subject)
  const { outcome } = await bindSeen(bench, scanned)
  const id = 'references' in outcome ? (outcome.references?.recurrence ?? '') : ''
  const call = bench.call('opn_1', scanned)
  const search = async (pages: number, ours: number) => {
    const asked: URLSearchParams[] = []
    const send: typeof call.send = async request => {
      const url = new URL(request.url)
      if (url.pathname !== '/rec') return call.send(request)
      asked.push(url.searchParams)
      const page = Number(url.searchParams.get('paginacao.paginaAtual'))
      const recs =
        page === ours ? [{ idRec: id, vinculo: { contrato: 'opn_1' } }] : [{ idRec: 'x'.repeat(29), vinculo: { contrato: 'opn_2' } }]
      const body = JSON.stringify({ parametros: { paginacao: { quantidadeDePaginas: pages } }, recs })
      return { status: 200, headers: {}, body }
    }
    const about = { customer: 'cus_contract', binding: 'bnd_1', verb: 'bind' as const, references: {}, source: scanned.source }
    return { found: said((await pix.lookUp?.({ ...call, send }, about)) ?? assert.fail()), asked }
  }
  const third = await search(3, 2)
  assert.deepEqual([third.found, third.asked.length], ['challenged qr', 3])
  const [first] = third.asked
  assert.equal(first?.get('paginacao.itensPorPagina'), '1000')
  // The bank's clock to the second, and a minute to spare.
  assert.deepEqual(
    [first?.get('inicio'), first?.get('fim')],
    [bench.clock.nowMs - 4 * 86_400_000, bench.clock.nowMs + 60_000].map(one => new Date(one).toISOString()),
  )
  assert.equal((await search(3, -1)).found, 'none')
  assert.equal((await search(11, -1)).found, 'uncertain (list_too_long)')
})

test('a location takes one recurrence: the same request again makes no second one', async () => {
  const bench = createBench(subject)
  const { sent } = await bindSeen(bench, scanned)
  const request = sent.find(one => one.url.endsWith('/rec') && one.method === 'POST') ?? assert.fail()
  const again = await bench.call('opn_1', scanned).send(request)
  assert.deepEqual([again.status, JSON.parse(again.body).violacoes[0].propriedade], [400, 'rec.loc'])
  assert.equal(bench.effects('challenged').length, 1)
})

test('a recurrence has one open request: the same request again asks nobody', async () => {
  const bench = createBench(subject)
  const { sent } = await bindSeen(bench, asked)
  const request = sent.find(one => one.url.endsWith('/solicrec')) ?? assert.fail()
  const again = await bench.call('opn_1', asked).send(request)
  assert.deepEqual([again.status, JSON.parse(again.body).violacoes[0].propriedade], [400, 'solicrec.idRec'])
})

test('a request to a bank that does not exist is refused, and the draft is taken back', async () => {
  const value = pix.sandboxValues.find(one => one.outcome === 'invalid_account') ?? assert.fail()
  const bench = createBench(subject)
  const { outcome, sent } = await bindSeen(bench, value)
  assert.deepEqual([outcome.kind, outcome.kind === 'refused' && outcome.code], ['refused', 'SolicRecOperacaoInvalida'])
  assert.match(pathsOf(sent).at(-1) ?? '', /^PATCH \/rec\//)
  assert.equal(bench.stage.simulator.books().held.filter(one => one.usable).length, 0)
})

test('bound: the payer’s bank is shown, and the mandate ends with its last day in Brasília', async () => {
  const value = pix.sandboxValues.find(one => one.terms?.endsOn !== undefined) ?? assert.fail()
  const bench = createBench(subject)
  const { outcome } = await bindSeen(bench, value)
  if (outcome.kind !== 'challenged') return assert.fail(kindOf(outcome))
  const bound = await afterChallenge(bench, outcome, true, value)
  assertBound(bound)
  assert.deepEqual(bound.shown, { bank: '91193552' })
  assert.equal(bound.validUntilMs, Date.parse('2032-01-06T03:00:00Z') - 1)
  assert.deepEqual(bound.moment, { atMs: bench.clock.nowMs })
})

test('an answer about another recurrence, contract, amount or calendar decides nothing', async () => {
  const changes: readonly (readonly [string, string, string])[] = [
    ['"contrato":"opn_1"', '"contrato":"opn_2"', 'another_contract'],
    ['"id":12069', '"id":12070', 'another_location'],
    ['"valorMinimoRecebedor":"150.00"', '"valorMinimoRecebedor":"1500.00"', 'another_amount'],
    ['"periodicidade":"MENSAL"', '"periodicidade":"SEMANAL"', 'another_calendar'],
    ['"dataInicial":"2031-01-05"', '"dataInicial":"2031-01-06"', 'another_calendar'],
  ]
  for (const [from, to, cause] of changes) {
    const bench = createBench(subject)
    const call = bench.call('opn_1', asked)
    const send: typeof call.send = async request => {
      const answer = await call.send(request)
      return request.url.endsWith('/rec') ? { ...answer, body: answer.body.replace(from, to) } : answer
    }
    const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', asked))
    assert.equal(outcome.kind === 'uncertain' && outcome.cause, cause)
  }
})

test('a code that leads elsewhere is not shown', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', scanned)
  const send: typeof call.send = async request => {
    const answer = await call.send(request)
    return { ...answer, body: answer.body.replace(/("pixCopiaECola":"[^"]*rec\/)[0-9a-f]/, '$1x') }
  }
  const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', scanned))
  assert.equal(outcome.kind === 'uncertain' && outcome.cause, 'no_code')
})

test('a cancellation that the payer’s bank has yet to confirm is under way, and a look-up tells when it is done', async () => {
  const bench = createBench(subject)
  const { outcome } = await bindSeen(bench, asked)
  if (outcome.kind !== 'challenged') return assert.fail(kindOf(outcome))
  const bound = await afterChallenge(bench, outcome, true, asked)
  assertBound(bound)
  const about = { customer: 'cus_contract', binding: 'bnd_1', token: bound.token, references: bound.references }
  const call = bench.call('opn_6', asked)
  const send: typeof call.send = async request => {
    const answer = await call.send(request)
    return request.method === 'PATCH'
      ? { ...answer, body: answer.body.replace('"status":"CANCELADA","loc"', '"status":"APROVADA","loc"') }
      : answer
  }
  assert.equal((await pix.revoke?.({ ...call, send }, about))?.kind, 'revoking')
  const found = await pix.lookUp?.(call, { ...about, verb: 'revoke', source: asked.source })
  assert.equal(found?.kind, 'revoked')
})

test('a wrong client secret is our mistake, and said to be', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', asked)
  const settings = { ...call.account.settings, clientId: 'nobody' }
  const outcome = await bench.bind({ ...call, account: { ...call.account, settings } }, bench.input('bnd_1', asked))
  assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.code], ['misconfigured', 'invalid_client'])
})

test('each operation asks for the scopes it needs and no others: one less, and the bank refuses', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', asked)
  for (const [without, path] of [
    ['payloadlocationrec.write', '/locrec'],
    ['rec.write', '/rec'],
    ['solicrec.write', '/solicrec'],
  ] as const) {
    const send: typeof call.send = request => {
      if (!request.url.endsWith('/oauth/token')) return call.send(request)
      const form = new URLSearchParams(request.body)
      const left = (form.get('scope') ?? '').split(' ').filter(one => one !== without)
      form.set('scope', left.join(' '))
      return call.send({ ...request, body: form.toString() })
    }
    const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', asked))
    assert.equal(outcome.kind === 'refused' && outcome.code, 'AcessoNegado', path)
  }
  const { account } = call
  assert.equal(new URLSearchParams(tokenRequest(account, 'revoke').body).get('scope'), 'rec.write rec.read')
})

test('the address for notifications is registered as the specification says', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', asked)
  const token = JSON.parse((await call.send(tokenRequest(call.account, 'registerWebhook'))).body).access_token
  const answer = await call.send(
    registerWebhookRequest({ account: call.account, token }, 'https://pay.example.com/v1/channels/pix/live/webhook'),
  )
  assert.equal(answer.status, 200)
  assertJudged(bench)
})

test('an access token is good for an hour', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', asked)
  const send: typeof call.send = request => {
    if (!request.url.endsWith('/oauth/token')) bench.clock.nowMs += 3_600_000
    return call.send(request)
  }
  const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', asked))
  assert.equal(outcome.kind === 'uncertain' && outcome.cause, 'http_401')
})

test('what an adapter of ours throws is never what the channel did: only silence is caught', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', asked)
  const silent = await bench.bind({ ...call, send: () => Promise.reject(new NoAnswer('reset')) }, bench.input('bnd_1', asked))
  assert.equal(silent.kind, 'uncertain')
  await assert.rejects(
    () => bench.bind({ ...call, send: () => Promise.reject(new TypeError('a bug')) }, bench.input('bnd_1', asked)),
    TypeError,
  )
})
