import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specJudge, specsDirOf } from '../judge.ts'
import { categoryOf, refusals } from './refusals.ts'
import { codesOf, specificationFiles } from './subject.ts'

const skip = specJudge(specsDirOf()) === 'off' && 'SPECS_DIR has no specifications'

test('every code of both specifications has a category, and no other code has one', { skip }, () => {
  const [otp, billing] = specificationFiles.map(codesOf)
  // Counted by hand: a reader that finds nothing would find nothing unmapped.
  assert.equal(otp?.length, 13)
  assert.equal(billing?.length, 25)
  assert.deepEqual([...new Set([...(otp ?? []), ...(billing ?? [])])].sort(), [...refusals.keys()].sort())
})

test('a code of an operator’s own is a refusal of unknown cause', () => {
  assert.equal(categoryOf('ONE_TIME_PASSWORD_SMS.FULL_MOON'), 'unknown')
})
