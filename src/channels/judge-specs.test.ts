/** Every official document loads, and every schema in it compiles, apart from what is counted here. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { test } from 'node:test'
import { createJudge, type JudgeOptions, specJudge, specsDirOf } from './judge.ts'

type Known = Pick<JudgeOptions, 'brokenPatterns' | 'unjudged'>

/** What of the documents is judged by nobody. Nothing else may be. */
const known: Readonly<Record<string, Known>> = {
  'checkout/nas_spec.bundled.json': {
    unjudged: [{ kind: 'required', count: 1, reason: 'processing.product_type: a flag, and its own examples leave the property out' }],
  },
  'square/api.json': {
    unjudged: [{ kind: 'references', count: 5, reason: 'CatalogModifierToggleOverrideType was left out of the document: catalogue only' }],
  },
  'paypal/checkout_orders_v2.json': { brokenPatterns: 3 },
  'paypal/payments_payment_v2.json': { brokenPatterns: 1 },
  'paypal/reporting_transactions_v1.json': { brokenPatterns: 21 },
  'paypal/vault_payment_tokens_v3.json': { brokenPatterns: 2 },
}

const specsDir = specsDirOf()
const skip = specJudge(specsDir) === 'off' && 'SPECS_DIR has no specifications'
const files = skip === false ? globSync('*/*.{json,yaml}', { cwd: specsDir }).filter(file => !file.includes('fixtures')) : []

test('all published documents are here', { skip }, () => {
  assert.equal(files.length, 25)
  for (const file of Object.keys(known)) assert.ok(files.includes(file), file)
})

for (const file of files.toSorted())
  test(`every schema of ${file} compiles, but for what is counted`, () => {
    const judge = createJudge({ specsDir, file, ...known[file] })
    assert.ok(judge.prepareAll() > 0)
  })
