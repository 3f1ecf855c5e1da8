import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instruments } from './tables.ts'
import { type NewOwnFact, tellInstrument } from './tell.ts'
import { scripted, trial, visa } from './trial.seam.ts'

/** A new number that an updater gave, sealed as this version; `sequence` is the updater's own order. */
const advice = (cardVersion: number, sequence: number): NewOwnFact => ({
  source: 'updater:vau',
  event: `line_${cardVersion}`,
  sequence,
  news: { kind: 'advised', advice: 'A', about: { year: 2030, month: 3 }, expiry: { year: 2031, month: 3 }, last4: '5555', cardVersion },
})

test('the version to bind elsewhere with is that of the latest advice, in whatever order it was read', async () => {
  const ends = await Promise.all(
    [
      [advice(4, 1), advice(3, 2)],
      [advice(3, 2), advice(4, 1)],
    ].map(async order => {
      const on = await trial([scripted('one', { bind: async () => ({ kind: 'bound', token: 'tok_1', references: {} }) })])
      const { id } = await on.bind({ card: { capture: await on.capture(visa) } })
      const tenant = on.rows(instruments)[0]?.tenant ?? assert.fail()
      for (const one of order) await tellInstrument(on.world, { tenant, instrument: id, facts: [one] })
      return on.rows(instruments)[0]?.card_version
    }),
  )
  assert.deepEqual(ends, [3, 3])
})
