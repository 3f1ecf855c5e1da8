/** Whoever tries to tell two kinds of answers apart: by their text, by the time they took, and by both. */
export type Sample = { readonly label: boolean; readonly text: string; readonly ms: number }

/** The chance that one of the one kind scores above one of the other; 0.5 is guessing. Ties count half. */
export function auc(samples: readonly { readonly label: boolean; readonly score: number }[]): number {
  const sorted = [...samples].sort((a, b) => a.score - b.score)
  let ranks = 0
  for (let i = 0; i < sorted.length; ) {
    let j = i
    while (j < sorted.length && sorted[j]?.score === sorted[i]?.score) j += 1
    for (let k = i; k < j; k += 1) if (sorted[k]?.label === true) ranks += (i + 1 + j) / 2
    i = j
  }
  const yes = samples.filter(one => one.label).length
  const no = samples.length - yes
  return yes === 0 || no === 0 ? 0.5 : (ranks - (yes * (yes + 1)) / 2) / (yes * no)
}

/** Bands of time, in ms: how a trained classifier sees the clock. */
const bandMs = 40
const featureOf = ({ text, ms }: Sample): string => `${text.length} ${hashOf(text)} ${Math.floor(ms / bandMs)}`
function hashOf(text: string): number {
  let hash = 7
  for (let i = 0; i < text.length; i += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** One half, scattered: attacks alternate what they try, and with every other sample each half would hold one kind. */
const isForTraining = (index: number): boolean => ((Math.imul(index + 1, 0x9e3779b1) >>> 13) & 1) === 0

/**
 * Trained on one half (how often each text and band of time was which), tried on the other; beside it the plain clock. The better of the two, and
 * a clock that runs backwards tells as much.
 */
export function distinguishable(samples: readonly Sample[]): number {
  const counts = new Map<string, { yes: number; no: number }>()
  const train = samples.filter((_, i) => isForTraining(i))
  const test = samples.filter((_, i) => !isForTraining(i))
  for (const one of train) {
    const seen = counts.get(featureOf(one)) ?? { yes: 0, no: 0 }
    counts.set(featureOf(one), { yes: seen.yes + (one.label ? 1 : 0), no: seen.no + (one.label ? 0 : 1) })
  }
  const odds = (one: Sample): number => {
    const { yes, no } = counts.get(featureOf(one)) ?? { yes: 0, no: 0 }
    return (yes + 1) / (yes + no + 2)
  }
  const trained = auc(test.map(one => ({ label: one.label, score: odds(one) })))
  const clock = auc(test.map(one => ({ label: one.label, score: one.ms })))
  return Math.max(trained, 1 - trained, clock, 1 - clock)
}
