/** The house rules that a machine can check, each a function from one source to its complaints. What they forbid and why is in STYLE.md. */
import { type Found, lineAt, type Source } from './source.ts'

export type Rule = (source: Source) => readonly Found[]

/** One sitting, one screen. A test is a list that is read in pieces: it may be twice as long. */
const linesMax = { product: { file: 300, function: 60 }, test: { file: 600, function: 150 } }

/** Tests, suites that several tests share, and what stands in for another part in them. */
export const isTest = (path: string): boolean =>
  /\.(test|suite|seam)\.ts$/.test(path) ||
  path.startsWith('test/') ||
  /^src\/channels\/(contract[^/]*|[a-z0-9_]+\/(subject|rehearse))\.ts$/.test(path)
const inProduct = (path: string): boolean => path.startsWith('src/') && !isTest(path)

/** Programs: they make the world, so they may read the clock and roll dice. */
const programs = ['src/main.ts', 'src/vault/serve.ts', 'src/channels/sandbox.ts', 'sim/run.ts']

function matches(text: string, pattern: RegExp, say: (match: RegExpExecArray) => string): Found[] {
  return [...text.matchAll(pattern)].map(match => ({ line: lineAt(text, match.index), text: say(match) }))
}

export const lengths: Rule = ({ path, text, functions }) => {
  const most = linesMax[isTest(path) ? 'test' : 'product']
  const lines = text.trimEnd().split('\n').length
  const long = functions.filter(one => one.lines > most.function)
  return [
    ...(lines > most.file ? [{ line: lines, text: `a file of ${lines} lines: at most ${most.file}` }] : []),
    ...long.map(one => ({ line: one.line, text: `${one.name} has ${one.lines} lines: at most ${most.function}` })),
  ]
}

const clockAndDice = new RegExp(
  [
    /\bDate\.now\b/,
    /\bnew Date\(\s*\)/,
    /(?<!new )\bDate\(\s*\)/,
    /\bMath\.random\b/,
    /\bperformance\.now\b/,
    /\bhrtime\b/,
    /\brandom(Bytes|UUID|Int|Fill|FillSync)\b/,
    /\bgetRandomValues\b/,
    /\bgenerateKey(Pair)?(Sync)?\b/,
    /(?<![.\w])set(Timeout|Interval)\(/,
    /\bAbortSignal\.timeout\b/,
  ]
    .map(one => one.source)
    .join('|'),
  'g',
)
export const time: Rule = ({ path, code, uncommented }) => {
  const free = path.startsWith('src/world/') || isTest(path) || programs.includes(path)
  if (free || !(path.startsWith('src/') || path.startsWith('sim/'))) return []
  const timers = matches(uncommented, /from 'node:timers[^']*'/g, match => match[0])
  return [...matches(code, clockAndDice, match => match[0]), ...timers].map(one => ({
    ...one,
    text: `${one.text}: ask the world for time and chance`,
  }))
}

const emptyWords = /(^|[-_.])(utils?|helpers?|commons?|managers?|services?|misc)([-_.]|$)/
export const names: Rule = ({ path, code }) => {
  const part = path.split('/').find(one => emptyWords.test(one))
  const declared =
    /\b(?:(?:class|type|interface)\s+\w*(?:Utils?|Helpers?|Common|Manager|Service)|(?:const|let|function)\s+(?:\w*(?:Utils?|Helpers?|Manager)|utils?|helpers?|misc))\b/g
  return [
    ...(part === undefined ? [] : [{ line: 1, text: `${part}: name it by what it is about` }]),
    ...matches(code, declared, match => `${match[0]}: name it by what it is about`),
    ...matches(code, /\bexport default\b/g, () => 'a default export has no name of its own'),
  ]
}

/** A class is for an error or a secret: what extends something is an error, and `Secret` is the secret. */
export const classes: Rule = ({ path, code }) =>
  isTest(path)
    ? []
    : matches(code, /\bclass (?!Secret\b)(\w+)(?! extends \w*Error\b)(?=[\s<{])/g, match => `class ${match[1]}: functions over plain data`)

const sqlBegins =
  /^\s*(select\s[\s\S]*\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|create\s+(table|index|unique index|schema|role|or replace|database|policy)\s|alter\s+(table|role|schema|database)\s|with\s+\w+\s+as\s*\()/i
export const sql: Rule = ({ path, strings }) => {
  if (!inProduct(path) || path.startsWith('src/world/') || /\/queries[^/]*\.ts$/.test(path)) return []
  return strings
    .filter(one => sqlBegins.test(one.text))
    .map(one => ({ line: one.line, text: 'SQL: it belongs in queries.ts, the store or a migration' }))
}

/** Where the compiler is told rather than asked. A file may hold as many as listed here and no more. */
export type Edges = Readonly<Record<string, { readonly count: number; readonly why: string }>>

const keyword = /(?<![.\w$])as(?![\w$:?(])/g
export function assertions({ path, code }: Source): readonly Found[] {
  if (isTest(path)) return []
  const found: Found[] = []
  for (const match of code.matchAll(keyword)) {
    const before = code.slice(0, match.index)
    const after = code.slice(match.index + 2)
    const isConst = /^\s+const\b/.test(after)
    // Renaming in an import or export, `* as`, and the key of a mapped type are other words that happen to look the same.
    const statement = before.slice(
      Math.max(before.lastIndexOf('\nimport'), before.lastIndexOf('\nexport {'), before.lastIndexOf('\nexport *')),
    )
    const isRenaming = /^\n(import|export)\b/.test(statement) && !/from\s+'|\n\n/.test(statement)
    const isMapped = /\[\s*\w+\s+in\s[^\]]*$/.test(before.slice(-200))
    if (!isConst && !isRenaming && !isMapped) found.push({ line: lineAt(code, match.index), text: '`as`: parse at the edge, trust inside' })
  }
  return [
    ...found,
    ...matches(code, /(?<![.\w$])any(?![\w$(:?])/g, () => '`any`: say what it is, or `unknown`'),
    ...matches(code, /[\w$)\]]!(?=[.,;)\]\s[]|$)(?!\s*=)/g, () => '`!`: handle what may be missing'),
  ]
}
