/** One invariant from its first page to its last, for whoever asks at once: the command line, a test, the simulation. */
import { type Finding, type Given, type Invariant, shownMax } from './invariant.ts'
import { type Asking, askPage, type Place, TookTooLong } from './queries.ts'

export type Checked = {
  readonly invariant: Invariant
  readonly looked: number
  readonly found: number
  /** The first of them. */
  readonly findings: readonly Finding[]
  /** Why it could not be asked to its end; undefined: it was. */
  readonly unfinished: string | undefined
}

export async function check(pool: Asking, invariant: Invariant, at: Given): Promise<Checked> {
  let [looked, found, place]: [number, number, Place | undefined] = [0, 0, undefined]
  const findings: Finding[] = []
  do {
    try {
      const page = await askPage(pool, invariant, at, place)
      looked += page.looked
      found += page.found
      findings.push(...page.findings.slice(0, shownMax - findings.length))
      place = page.next
    } catch (error) {
      if (!(error instanceof TookTooLong)) throw error
      return { invariant, looked, found, findings, unfinished: error.message }
    }
  } while (place !== undefined)
  return { invariant, looked, found, findings, unfinished: undefined }
}
