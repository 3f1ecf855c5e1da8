import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRecord } from '../json.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { loadDocument } from '../judge-document.ts'
import { cancellationCodes, problemTypes, refusals, rejectionCodes } from './refusals.ts'

const skip = specJudge(specsDirOf()) === 'off' ? 'the official specifications are not at hand (SPECS_DIR)' : false
const document = () => loadDocument(`${specsDirOf()}/pix/openapi.yaml`)
const flat = (of: Readonly<Record<string, readonly string[]>>): readonly string[] => Object.values(of).flat().toSorted()

test('the types of problems are those the specification describes, each once', { skip }, () => {
  const info = document().info
  const text = isRecord(info) ? String(info.description) : ''
  const described = [...text.matchAll(/^### `(\w+)`/gm)].map(one => one[1] ?? '')
  assert.ok(described.length >= 40, `${described.length}`)
  assert.deepEqual([...new Set(described)].toSorted(), flat(problemTypes))
})

/** The enumerations of every `codigo` below a node. */
function codesBelow(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(codesBelow)
  if (!isRecord(node)) return []
  const own = isRecord(node.codigo) && Array.isArray(node.codigo.enum) ? node.codigo.enum.map(String) : []
  return [...own, ...Object.values(node).flatMap(codesBelow)]
}

test('the codes of rejection and cancellation are those the specification enumerates', { skip }, () => {
  const { components } = document()
  const schemas = isRecord(components) && isRecord(components.schemas) ? components.schemas : {}
  assert.deepEqual(codesBelow(schemas.RecEncerramento).toSorted(), [...flat(rejectionCodes), ...flat(cancellationCodes)].toSorted())
})

test('every one of them has a category', () => {
  for (const code of [...flat(problemTypes), ...flat(rejectionCodes), ...flat(cancellationCodes)]) assert.ok(refusals.has(code), code)
})
