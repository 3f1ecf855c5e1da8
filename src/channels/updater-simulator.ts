/**
 * An account updater for the sandbox: reads inquiry files, answers with result files, both sealed. Test cards give each advice; what it told
 * once it knows, so a card that was updated is current when it is asked about again. It keeps its own keyed hash of a number, never the number.
 */
import { FileBroken, type FileKeys, openFile, sealFile } from '../core/sealed-file.ts'
import { type Advice, BadFile, type Result, readInquiries, writeResults } from '../core/updater-file.ts'
import { cardHash } from './simulator.ts'

/** Ours: no scheme publishes numbers for its updater. Any other card is current. */
export const updaterCards: Readonly<Record<Advice, string>> = {
  A: '4000555000000104',
  E: '4000555000000203',
  C: '4000555000000302',
  Q: '4000555000000401',
  O: '4000555000000500',
  V: '4000555000000609',
  P: '4000555000000708',
  N: '4000555000000807',
}
/** What the card of advice A became. */
export const renewedNumber = '4000555000010103'
/** How much longer a renewed card lasts. */
const yearsMore = 3

export type UpdaterCounts = {
  readonly files: number
  readonly inquiries: number
  readonly advices: Readonly<Partial<Record<Advice, number>>>
}
export type UpdaterSimulator = {
  /** The results of one file of inquiries, both in base64. Undefined: it is not for us, or is no such file. */
  answer(file: string, run: string, nowMs: number): string | undefined
  counts(): UpdaterCounts
}

export function createUpdaterSimulator(keys: FileKeys, random: (count: number) => Buffer): UpdaterSimulator {
  /** By the hash of a number: the expiry that was told of it, as a month counted from year 0. */
  const told = new Map<string, number>()
  const counts = { files: 0, inquiries: 0, advices: new Map<Advice, number>() }
  const judge = (number: string, month: number): Pick<Result, 'advice' | 'number' | 'expiry'> => {
    const advice = lettersOf.get(number) ?? 'V'
    const name = cardHash('updater simulator', number)
    const renewed = told.get(name) ?? month + yearsMore * 12
    if ((advice !== 'A' && advice !== 'E') || (advice === 'E' && month >= renewed)) return { advice: advice === 'E' ? 'V' : advice }
    told.set(name, renewed)
    return { advice, number: advice === 'A' ? Buffer.from(renewedNumber) : undefined, expiry: expiryAt(renewed) }
  }
  return {
    answer(file, run, nowMs) {
      const plain = quietly(() => openFile(keys, `inquiry|${run}`, Buffer.from(file, 'base64')))
      const read = plain === undefined ? undefined : quietly(() => readInquiries(plain))
      if (read === undefined || read.head.run !== run) return undefined
      const results = read.inquiries.map(one => {
        const result = judge(one.number.toString('latin1'), one.expiryYear * 12 + one.expiryMonth - 1)
        counts.advices.set(result.advice, (counts.advices.get(result.advice) ?? 0) + 1)
        return { line: one.line, ...result }
      })
      counts.files += 1
      counts.inquiries += results.length
      const on = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '')
      return sealFile(random, keys, `result|${run}`, writeResults({ ...read.head, on }, results)).toString('base64')
    },
    counts: () => ({ files: counts.files, inquiries: counts.inquiries, advices: Object.fromEntries(counts.advices) }),
  }
}

const lettersOf: ReadonlyMap<string, Advice> = new Map([
  [updaterCards.A, 'A'],
  [updaterCards.E, 'E'],
  [updaterCards.C, 'C'],
  [updaterCards.Q, 'Q'],
  [updaterCards.O, 'O'],
  [updaterCards.P, 'P'],
  [updaterCards.N, 'N'],
])
const expiryAt = (month: number) => ({ year: Math.floor(month / 12), month: (month % 12) + 1 })

function quietly<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (error instanceof FileBroken || error instanceof BadFile) return undefined
    throw error
  }
}
