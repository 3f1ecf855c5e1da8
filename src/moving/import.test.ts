import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events } from '../events/tables.ts'
import { bindings, channelNames, customers, facts, identities, instrumentFacts, instruments, operations } from '../instruments/tables.ts'
import { scripted, type Trial, trial } from '../instruments/trial.seam.ts'
import { verifyBinding, verifyInstrument } from '../instruments/verify.ts'
import { importParts } from './tables.ts'
import { carryAll, importFile, linesOf, putPart, talliesOf } from './trial.seam.ts'

const header =
  'customer,token,brand,last4,expiry,fingerprint,network_transaction_id,channel_customer,references.setup_intent,created_at,created by\n'
const file = `${header}ada,pm_1,Visa,4242,12/29,fp_1,100200300400500,cus_a,seti_1,2024-02-29T10:00:00Z,"x, y"
ada,pm_2,MasterCard,4444,2027-03,fp_2,,cus_a,,,
bob,pm_3,American Express,0005,0128,,,cus_b,,2025-01-01,
`

/** Everything that is stored is what its facts say. */
function verified(one: Trial): void {
  const told = one.rows(facts)
  const asked = one.rows(operations)
  const own = one.rows(instrumentFacts)
  for (const row of one.rows(bindings)) {
    const mine = told.filter(fact => fact.binding === row.id)
    assert.deepEqual(
      verifyBinding(
        row,
        mine,
        asked.filter(operation => operation.binding === row.id),
      ),
      [],
    )
  }
  for (const instrument of one.rows(instruments)) {
    const bound = one.rows(bindings).filter(row => row.instrument === instrument.id)
    assert.deepEqual(verifyInstrument({ instrument, bindings: bound, facts: own.filter(fact => fact.instrument === instrument.id) }), [])
    const said = one.rows(events).filter(event => event.instrument === instrument.id)
    assert.deepEqual(
      said.map(event => event.sequence ?? 0).toSorted((a, b) => a - b),
      Array.from({ length: instrument.sequence }, (_, at) => at + 1),
    )
  }
}

test('a row becomes customer, instrument and binding, and says that it was imported', async () => {
  const one = await trial(['stripe'])
  const { id, view, report } = await importFile(one, {}, [file])
  assert.deepEqual(talliesOf(view), { received: 3, read: 3, imported: 3, merged: 0, unchanged: 0, refused: 0 })
  assert.deepEqual(
    report.map(line => [line.line, line.token, line.outcome]),
    [
      [2, 'pm_1', 'imported'],
      [3, 'pm_2', 'imported'],
      [4, 'pm_3', 'imported'],
    ],
  )
  const shown = await one.read(String(report[0]?.instrument))
  assert.equal(shown.status, 'active')
  assert.deepEqual(shown.card, { brand: 'visa', last4: '4242', bin: null, expiry_month: 12, expiry_year: 2029, wallet: null })
  assert.equal(shown.bindings[0]?.token, 'pm_1')
  assert.equal(shown.bindings[0]?.network_transaction_id, '100200300400500')
  assert.equal(shown.created_at, '2024-02-29T10:00:00.000Z')
  const [told] = one.rows(facts).filter(fact => fact.instrument === shown.id)
  assert.deepEqual([told?.source, told?.source_event], [`import:${id}`, 'line:2'])
  assert.ok(told?.news.kind === 'bound' && 'evidence' in told.news && told.news.evidence === 'imported')
  const names = one.rows(channelNames).filter(name => name.binding === shown.bindings[0]?.id)
  assert.deepEqual(names.map(name => name.name).toSorted(), ['pm_1', 'seti_1'])
  const said = one.rows(events)
  assert.deepEqual(
    said.map(event => [event.type, event.data.imported]),
    Array.from({ length: 3 }, () => ['instrument.bound', true]),
  )
  const owners = one.rows(customers).filter(row => row.reference !== 'first')
  assert.deepEqual(
    owners.map(row => [row.reference, row.channel_customers]),
    [
      ['ada', { stripe: 'cus_a' }],
      ['bob', { stripe: 'cus_b' }],
    ],
  )
  verified(one)
})

test('the same file twice changes nothing, and its report says so', async () => {
  const one = await trial(['stripe'])
  const first = await importFile(one, {}, [file])
  const before = JSON.stringify([bindings, instruments, customers, facts, identities, channelNames, events].map(table => one.rows(table)))
  const { view, report } = await importFile(one, {}, [file])
  assert.deepEqual(talliesOf(view), { received: 3, read: 3, imported: 0, merged: 0, unchanged: 3, refused: 0 })
  assert.deepEqual(
    report.map(line => line.instrument),
    first.report.map(line => line.instrument),
  )
  assert.equal(
    JSON.stringify([bindings, instruments, customers, facts, identities, channelNames, events].map(table => one.rows(table))),
    before,
  )
})

test('a webhook of the channel finds what was imported', async () => {
  const one = await trial([scripted('old', {})])
  const { report } = await importFile(one, { channel: 'old' }, ['customer,token\nada,t_1\n'])
  await one.tell('old', [{ event: 'e1', type: 't', names: ['t_1'], news: { kind: 'suspended', reason: 'stolen' } }])
  assert.equal((await one.read(String(report[0]?.instrument))).status, 'suspended')
  verified(one)
})

test('two tokens are one instrument by fingerprint, PAR or the former id; never because they look alike', async () => {
  const one = await trial([scripted('aa', {}), scripted('bb', {})])
  const head = 'customer,channel,token,brand,last4,expiry,fingerprint,par,instrument\n'
  const par = 'V0010013019123456789012345678'.padEnd(29, '0').slice(0, 29)
  const rows = [
    'ada,aa,t1,visa,4242,12/29,fp1,,',
    'ada,aa,t2,visa,4242,12/29,,,',
    'ada,bb,t3,visa,4242,12/29,fp1,,',
    `ada,aa,t4,visa,1881,12/29,,${par},`,
    `ada,bb,t5,visa,1881,12/29,,${par},`,
    'ada,aa,t6,visa,0077,12/29,,,c9',
    'ada,bb,t7,visa,0077,12/29,,,c9',
    'bob,bb,t8,visa,0077,12/29,,,c9',
    'ada,aa,t9,visa,4242,12/29,fp1,,',
  ]
  const { report, view } = await importFile(one, { channel: undefined }, [`${head}${rows.join('\n')}\n`])
  const at = (line: number) => report[line]?.instrument
  assert.notEqual(at(0), at(1), 'brand, last four and expiry are no identity')
  assert.notEqual(at(0), at(2), 'a fingerprint is one channel’s own')
  assert.equal(at(3), at(4))
  assert.equal(at(5), at(6))
  assert.notEqual(at(6), at(7), 'another customer’s is another instrument')
  assert.equal(at(8), at(0), 'a second token of the same card at the same channel')
  assert.deepEqual(talliesOf(view), { received: 9, read: 9, imported: 6, merged: 3, unchanged: 0, refused: 0 })
  assert.equal(one.rows(channelNames).find(name => name.name === 't9')?.binding, report[0]?.binding)
  assert.equal((await one.read(String(at(3)))).bindings.length, 2)
  verified(one)
})

test('a token of another customer, or a channel that is none, is refused by its field', async () => {
  const one = await trial([scripted('aa', {})])
  await importFile(one, { channel: 'aa' }, ['customer,token\nada,t1\n'])
  const { report } = await importFile(one, { channel: undefined }, [
    'customer,token,channel,kind\nbob,t1,aa,\nbob,t2,nowhere,\nbob,t3,,\nbob,t4,aa,carrier_account\nbob,t5,aa,\nada,t5,aa,\n',
  ])
  assert.deepEqual(
    report.map(line => [line.outcome, line.field]),
    [
      ['refused', 'token'],
      ['refused', 'channel'],
      ['refused', 'channel'],
      ['refused', 'kind'],
      ['imported', undefined],
      ['refused', 'token'],
    ],
  )
})

test('a dry run tells the same report and writes nothing', async () => {
  const [dry, real] = [await trial([scripted('aa', {})]), await trial([scripted('aa', {})])]
  const rows = Array.from({ length: 260 }, (_, at) => `c${at % 120},t${at % 230},fp${at % 40},${at % 7 === 0 ? '4111111111111111' : 'ok'}`)
  const text = `customer,token,fingerprint,note\n${rows.join('\n')}\n`
  const rehearsed = await importFile(dry, { channel: 'aa', dry_run: true }, [text])
  const done = await importFile(real, { channel: 'aa' }, [text])
  const plain = (lines: readonly Readonly<Record<string, unknown>>[]) => lines.map(one => [one.line, one.token, one.outcome, one.field])
  assert.deepEqual(plain(rehearsed.report), plain(done.report))
  assert.deepEqual(rehearsed.view.rows, done.view.rows)
  assert.ok((talliesOf(done.view).merged ?? 0) > 0)
  for (const table of [instruments, bindings, facts, channelNames, identities, events]) assert.equal(dry.rows(table).length, 0, table.name)
  verified(real)
})

test('without notices the report is the notice', async () => {
  const one = await trial([scripted('aa', {})])
  await importFile(one, { channel: 'aa', notices: 'none' }, ['customer,token\nada,t1\n'])
  assert.equal(one.rows(events).length, 0)
  await one.tell('aa', [{ event: 'e1', type: 't', names: ['t1'], news: { kind: 'suspended', reason: 'stolen' } }])
  assert.deepEqual(
    one.rows(events).map(event => event.sequence),
    [1],
  )
  verified(one)
})

test('a part sent twice is the same part; parts come in order and end at a line’s end', async () => {
  const one = await trial([scripted('aa', {})])
  const { body } = await one.call('POST', '/v1/imports', { format: 'csv', channel: 'aa', source_name: 'old' })
  const id = String(body.id)
  assert.equal((await putPart(one, id, 2, 'ada,t2\n')).status, 409)
  assert.equal((await putPart(one, id, 1, 'x'.repeat(4 * 1024 * 1024 + 1))).status, 413)
  assert.equal((await putPart(one, id, 1, 'id,name\n1,2\n')).status, 422, 'no column is customer or token')
  assert.equal((await putPart(one, id, 1, 'customer,token\nada,t1\n', { 'content-digest': 'sha-256=:AAAA:' })).status, 422)
  assert.equal((await putPart(one, id, 1, 'customer,token\nada,t1\n')).status, 201)
  assert.equal((await putPart(one, id, 1, 'customer,token\nada,t1\n')).status, 200)
  assert.equal((await putPart(one, id, 1, 'customer,token\nada,t9\n')).status, 409)
  assert.equal((await putPart(one, id, 2, 'bob,t2\ncarl,t')).status, 201)
  assert.equal((await putPart(one, id, 3, '3\n')).status, 422, 'the part before was cut within a line')
  await one.call('POST', `/v1/imports/${id}/start`)
  await carryAll(one)
  assert.deepEqual(
    (await linesOf(one, id)).map(line => [line.line, line.token]),
    [
      [2, 't1'],
      [3, 't2'],
      [4, 't'],
    ],
  )
  assert.equal((await putPart(one, id, 3, 'dan,t4\n')).status, 409, 'it was started')
  assert.ok(
    one.rows(importParts).every(part => part.content === null),
    'what was taken is not kept twice',
  )
})

test('a worker that dies at any commit leaves a batch wholly done or not at all', async () => {
  const rows = Array.from({ length: 450 }, (_, at) => `c${at % 40},t${at},fp${at % 300}`)
  const text = `customer,token,fingerprint\n${rows.join('\n')}\n`
  const calm = await importFile(await trial([scripted('aa', {})]), { channel: 'aa' }, [text])
  for (let dies = 1; dies < 9; dies += 2) {
    const one = await trial([scripted('aa', {})])
    const { body } = await one.call('POST', '/v1/imports', { format: 'csv', channel: 'aa', source_name: 'old system' })
    const id = String(body.id)
    await putPart(one, id, 1, text)
    await one.call('POST', `/v1/imports/${id}/start`)
    let commits = 0
    one.onCommit(() => {
      commits += 1
      if (commits >= dies) throw Object.assign(new Error('killed'), { name: 'Crash' })
    })
    await assert.rejects(carryAll(one))
    one.onCommit(() => {})
    one.advance(60_000)
    await carryAll(one)
    const report = await linesOf(one, id)
    const plain = (lines: typeof report) => lines.map(line => [line.line, line.token, line.outcome])
    assert.deepEqual(plain(report), plain(calm.report), `killed at commit ${dies}`)
    assert.equal(one.rows(bindings).length, report.filter(line => line.outcome === 'imported').length)
    verified(one)
  }
})
