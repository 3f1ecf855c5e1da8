import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharings } from '../instruments/sharing.ts'
import { bindings, facts, identities, instruments, operations } from '../instruments/tables.ts'
import { type Trial, trial, visa } from '../instruments/trial.seam.ts'
import { verifyBinding } from '../instruments/verify.ts'
import { type CardLine, newSender, partOf, sealedBy } from '../vault/card-files.seam.ts'
import { importsDue } from './carry.ts'
import { importFile, talliesOf } from './trial.seam.ts'

const sender = newSender('old house')
const card = (name: string, number: string, more: Partial<CardLine> = {}): CardLine => ({
  ...{ card: name, number, expiry_month: 12, expiry_year: 2029 },
  ...more,
})
const cards = [card('c1', '4242424242424242'), card('c2', '5555555555554444'), card('c3', '4000056655665556')]

/** A card file whose only part has come. */
async function sent(one: Trial, lines: readonly CardLine[] = cards): Promise<string> {
  const made = await one.call('POST', '/v1/card_files', { sender: sender.pem })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const id = String(made.body.id)
  const content = Buffer.from(sealedBy(sender, partOf(id, lines), String(made.body.certificate)), 'base64')
  const { status, body } = await one.put(`/v1/card_files/${id}/parts/1`, content, {})
  assert.equal(status, 200, JSON.stringify(body))
  return id
}

const header = 'customer,token,card,last4,expiry,instrument,fingerprint\n'
const holders = (one: Trial): readonly number[] => one.rows(sharings).map(row => row.holders)
const outcomes = (report: readonly Readonly<Record<string, unknown>>[]) => report.map(line => [line.outcome, line.field])

function verified(one: Trial): void {
  const [told, asked] = [one.rows(facts), one.rows(operations)]
  for (const row of one.rows(bindings)) {
    const mine = [told.filter(fact => fact.binding === row.id), asked.filter(operation => operation.binding === row.id)] as const
    assert.deepEqual(verifyBinding(row, ...mine), [])
  }
}

test('a row with its card has the number in the vault: it is counted, known again, and bound on one more channel', async () => {
  const one = await trial(['stripe', 'adyen'])
  const file = await sent(one)
  const { view, report } = await importFile(one, { card_file: file }, [`${header}ada,pm_1,c1,4242,12/29,,\nbob,pm_2,c2,,,,\n`])
  assert.deepEqual(talliesOf(view), { received: 2, read: 2, imported: 2, merged: 0, unchanged: 0, refused: 0 })
  assert.deepEqual(holders(one), [1, 1])
  const id = String(report[1]?.instrument)
  const shown = await one.read(id)
  assert.deepEqual([shown.card?.brand, shown.card?.last4, shown.card?.bin], ['mastercard', '4444', '55555555'])
  const { status, body } = await one.call('POST', `/v1/instruments/${id}/bindings`, {
    channel: 'adyen',
    return_url: 'https://shop.example/b',
  })
  assert.equal(status, 200, JSON.stringify(body))
  const legs = one.rows(bindings).filter(row => row.instrument === id)
  assert.deepEqual(legs.map(row => `${row.channel} ${row.status}`).toSorted(), ['adyen active', 'stripe active'])
  // The same card typed in by the same customer is the same instrument.
  const customer = one.rows(instruments).find(row => row.id === String(report[0]?.instrument))?.customer ?? ''
  const capture = await one.capture({ ...visa, number: '4242424242424242', expiry_month: 12, expiry_year: 2029 })
  const again = await one.call('POST', '/v1/instruments', { customer, card: { capture }, return_url: 'https://shop.example/b' })
  assert.equal(again.body.id, report[0]?.instrument, JSON.stringify(again.body))
  verified(one)
})

test('a row that contradicts its card, or names one that has not come, is refused by its field and takes nothing', async () => {
  const one = await trial(['stripe'])
  const file = await sent(one)
  const rows = ['ada,pm_1,c9,,,,', 'ada,pm_2,c1,1111,,,', 'ada,,,,,,', 'ada,pm_4,4242424242424242,,,,', 'ada,pm_5,c1,4242,,,']
  const { report } = await importFile(one, { card_file: file }, [`${header}${rows.join('\n')}\n`])
  assert.deepEqual(outcomes(report), [
    ['refused', 'card'],
    ['refused', 'last4'],
    ['refused', 'token'],
    ['refused', 'card'],
    ['imported', undefined],
  ])
  assert.equal(one.rows(instruments).length, 1)
  for (const wrong of ['cdf_01k9zq3v7m7t4q2m8x0c9d1efg', 'nonsense']) {
    const { status, body } = await one.call('POST', '/v1/imports', { format: 'csv', source_name: 'x', channel: 'stripe', card_file: wrong })
    assert.ok(status === 422 || status === 400, JSON.stringify(body))
    assert.match(JSON.stringify(body.errors), /card_file/)
  }
})

test('without a token the worker binds it from the vault, once however often the row comes', async () => {
  const one = await trial(['adyen'])
  const file = await sent(one)
  const settings = { card_file: file, channel: 'adyen' }
  const csv = 'customer,card\nada,c1\nada,c1\nbob,c1\n'
  const rehearsed = await importFile(one, { ...settings, dry_run: true }, [csv])
  assert.equal(one.rows(instruments).length, 0)
  const { report } = await importFile(one, settings, [csv])
  assert.deepEqual(outcomes(report), [
    ['imported', undefined],
    ['unchanged', undefined],
    ['imported', undefined],
  ])
  assert.equal(talliesOf(rehearsed.view).imported, 2)
  await one.work()
  assert.deepEqual(
    one.rows(instruments).map(row => row.status),
    ['active', 'active'],
  )
  assert.deepEqual(holders(one), [2])
  const again = await importFile(one, settings, [csv])
  assert.deepEqual(
    outcomes(again.report),
    Array.from({ length: 3 }, () => ['unchanged', undefined]),
  )
  assert.equal(one.rows(bindings).length, 2)
  verified(one)
})

test('what was taken over without its number gets it when it comes again, and another number of it is refused', async () => {
  const one = await trial(['stripe', 'adyen'])
  const bare = await importFile(one, {}, [`${header}ada,pm_1,,4242,12/29,old-1,\n`])
  const file = await sent(one)
  const numbered = await importFile(one, { card_file: file }, [`${header}ada,pm_1,c1,4242,12/29,old-1,\n`])
  assert.deepEqual(outcomes(numbered.report), [['merged', undefined]])
  assert.equal(numbered.report[0]?.instrument, bare.report[0]?.instrument)
  assert.deepEqual(holders(one), [1])
  assert.equal(one.rows(identities).filter(row => row.kind === 'card').length, 1)
  const other = await importFile(one, { card_file: file }, [`${header}ada,pm_9,c2,,,old-1,\n`])
  assert.deepEqual(outcomes(other.report), [['refused', 'card']])
  const id = String(bare.report[0]?.instrument)
  const { status } = await one.call('POST', `/v1/instruments/${id}/bindings`, { channel: 'adyen', return_url: 'https://shop.example/b' })
  assert.equal(status, 200)
  verified(one)
})

test('a vault that cannot be reached delays an import and spoils nothing', async () => {
  const one = await trial(['stripe'])
  const file = await sent(one)
  let failures = 2
  const { sealAs } = one.world.vault.cardFiles
  Object.assign(one.world.vault.cardFiles, {
    sealAs: async (input: Parameters<typeof sealAs>[0]) => {
      if (failures-- > 0) throw new Error('out of reach')
      return sealAs(input)
    },
  })
  const made = await one.call('POST', '/v1/imports', { format: 'csv', source_name: 'x', channel: 'stripe', card_file: file })
  const id = String(made.body.id)
  await one.put(`/v1/imports/${id}/parts/1`, `${header}ada,pm_1,c1,,,,\n`, {})
  await one.call('POST', `/v1/imports/${id}/start`)
  for (let turn = 0; turn < 4; turn += 1) {
    await importsDue(one.world, 8)
    one.advance(60_000)
  }
  const { body } = await one.call('GET', `/v1/imports/${id}`)
  assert.deepEqual([body.status, talliesOf(body).imported], ['done', 1], JSON.stringify(body))
  assert.equal(one.rows(instruments).length, 1)
})
