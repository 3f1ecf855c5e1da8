/** For tests: an import from beginning to end over a trial, and what it says of each row. */
import assert from 'node:assert/strict'
import { z } from 'zod'
import type { Trial } from '../instruments/trial.seam.ts'
import { importsDue } from './carry.ts'

export type ReportLine = Readonly<Record<string, unknown>>
export type Imported = { readonly id: string; readonly view: Record<string, unknown>; readonly report: readonly ReportLine[] }

export const rowsShape = z.record(z.string(), z.int())
export const talliesOf = (view: Record<string, unknown>) => rowsShape.parse(view.rows)

/** Runs the import's worker until nothing is due. */
export async function carryAll({ world }: Trial): Promise<void> {
  for (let turn = 0; turn < 1_000; turn += 1) if ((await importsDue(world, 64)) === 0) return
}

export async function linesOf(one: Trial, id: string, query = ''): Promise<readonly ReportLine[]> {
  const { status, body } = await one.call('GET', `/v1/imports/${id}/report${query}`)
  assert.equal(status, 200)
  return String(body.text)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

/** Parts as they are sent; the first of CSV has the names of the columns. */
export async function importFile(
  one: Trial,
  settings: Readonly<Record<string, unknown>>,
  parts: readonly (string | Buffer)[],
): Promise<Imported> {
  const made = await one.call('POST', '/v1/imports', { format: 'csv', channel: 'stripe', source_name: 'old system', ...settings })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const id = String(made.body.id)
  for (const [at, part] of parts.entries()) {
    const sent = await putPart(one, id, at + 1, part)
    assert.equal(sent.status, 201, JSON.stringify(sent.body))
  }
  const started = await one.call('POST', `/v1/imports/${id}/start`)
  assert.equal(started.status, 200, JSON.stringify(started.body))
  await carryAll(one)
  const { body: view } = await one.call('GET', `/v1/imports/${id}`)
  assert.equal(view.status, 'done', JSON.stringify(view))
  return { id, view, report: await linesOf(one, id) }
}

export async function putPart(
  one: Trial,
  id: string,
  number: number,
  part: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  return one.put(`/v1/imports/${id}/parts/${number}`, part, headers)
}
