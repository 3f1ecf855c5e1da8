/** `npm run sim -- converge`: what it prints, and whether it was all right. */
import { parseArgs } from 'node:util'
import { converge, type Divergence } from './converge.ts'
import { convergeBugs } from './converge-bugs.ts'

/** Histories in which each bug is given a chance to show. */
export const historiesPerBug = 100
/** Of a divergence that is printed; the seed shows the rest. */
const linesMax = 12
/** Histories after which a word is said. */
const chunk = 100

/** The exit code. */
export async function runConverge(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      histories: { type: 'string', default: '200' },
      shuffles: { type: 'string', default: '4' },
      from: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      bugs: { type: 'boolean', default: false },
    },
  })
  const say = (line: string): void => {
    if (!values.json) console.log(line)
  }
  if (values.bugs) return hunt(say)
  const [histories, shuffles, from] = [values.histories, values.shuffles, values.from].map(Number)
  if (![histories, shuffles, from].every(one => Number.isSafeInteger(one) && Number(one) > 0))
    throw new TypeError('--histories, --shuffles and --from are whole numbers above zero')
  const total = { histories: 0, shuffles: 0, diverged: 0 }
  for (let done = 0; done < Number(histories); done += chunk) {
    const wanted = { from: Number(from) + done, histories: Math.min(chunk, Number(histories) - done), shuffles: Number(shuffles) }
    const part = await converge(wanted)
    for (const [i, one] of part.diverged.entries())
      for (const line of total.diverged + i === 0 ? told(one) : told(one).slice(0, 1)) console.error(line)
    total.histories += part.histories
    total.shuffles += part.shuffles
    total.diverged += part.diverged.length
    say(`${total.histories} histories, ${total.shuffles} shuffles, ${total.diverged} diverged`)
  }
  console.log(JSON.stringify(total))
  return total.diverged === 0 ? 0 : 1
}

/** For the one who looks into it. */
function told({ seed, told: facts, orders, differences }: Divergence): readonly string[] {
  return [
    `history ${seed} diverged (replay: npm run sim -- converge --from ${seed} --histories 1)`,
    ...facts.map(one => `  ${one}`),
    ...orders.map((order, i) => `  order ${i + 1}: ${order.join(', ')}`),
    ...differences.slice(0, linesMax).map(one => `  ! ${one}`),
    ...(differences.length > linesMax ? [`  and ${differences.length - linesMax} more`] : []),
  ]
}

async function hunt(say: (line: string) => void): Promise<number> {
  let missed = 0
  for (const bug of convergeBugs) {
    const [found] = (await converge({ from: 1, histories: historiesPerBug, shuffles: 4, bug, most: 1 })).diverged
    if (found === undefined) missed += 1
    say(found === undefined ? `MISSED  ${bug.name}: ${bug.what}` : `caught  ${bug.name} (history ${found.seed}): ${found.differences[0]}`)
  }
  console.log(JSON.stringify({ bugs: convergeBugs.length, caught: convergeBugs.length - missed, missed }))
  return missed === 0 ? 0 : 1
}
