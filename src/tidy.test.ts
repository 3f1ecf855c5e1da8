/** The house rules, as a test. Every complaint names file and line; every rule is shown to catch what it is for. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { imports } from '../test/imports.ts'
import { assertions, classes, type Edges, lengths, names, type Rule, sql, time } from '../test/rules.ts'
import { listFiles, parse, readSource, type Source } from '../test/source.ts'

const folders = /^(src|sim|bench|demo|proofs|test|cli|sdk)\/.*\.ts$/
const files = listFiles()
const sources: readonly Source[] = files.filter(path => folders.test(path)).map(readSource)

/** Where `as` cannot be avoided, how often, and why. */
const edges: Edges = {
  'src/world/table.ts': { count: 1, why: 'a row built column by column from the declaration takes the declared type' },
  'src/world/store-blame.ts': { count: 1, why: 'a check takes the row of a table whose columns were forgotten' },
  'src/world/store-read.ts': { count: 1, why: 'an empty list among a desk’s fields' },
}

const complaints = (rule: Rule, of: readonly Source[] = sources): string[] =>
  of.flatMap(source => rule(source).map(({ line, text }) => `${source.path}:${line} ${text}`))

function holds(found: readonly string[]): void {
  assert.ok(found.length === 0, `\n${found.join('\n')}\n`)
}
const catches = (rule: Rule, path: string, text: string, lines: readonly number[]): void =>
  assert.deepEqual(
    rule(parse(path, text)).map(one => one.line),
    lines,
    `${path}\n${text}`,
  )

test('the rules see the whole house, not an empty one', () => {
  assert.ok(sources.length >= 120, `only ${sources.length} files`)
  for (const path of ['src/core/id.ts', 'src/world/store.ts', 'src/channels/channel.ts', 'src/http/endpoint.ts'])
    assert.ok(files.includes(path), path)
  const functions = sources.reduce((sum, source) => sum + source.functions.length, 0)
  assert.ok(functions >= 600, `only ${functions} functions`)
  for (const { path, code, text } of sources) {
    assert.equal(code.length, text.length, path)
    for (const pair of ['{}', '()', '[]'])
      assert.equal(code.split(pair.charAt(0)).length, code.split(pair.charAt(1)).length, `${path}: ${pair}`)
  }
})

test('imports run one way: core ← channels ← world ← http ← capabilities ← lists ← main', () => {
  catches(imports, 'src/core/a.ts', `import type { World } from '../world/world.ts'\n`, [1])
  catches(imports, 'src/channels/stripe/a.ts', `import {\n  b,\n} from '../adyen/b.ts'\nimport { c } from '../channel.ts'\n`, [3])
  catches(
    imports,
    'src/channels/a.ts',
    `import { stripe } from './stripe/channel.ts'\nimport type { World } from '../world/world.ts'\n`,
    [1, 2],
  )
  catches(imports, 'src/channels/index.ts', `import { stripe } from './stripe/channel.ts'\n`, [])
  catches(imports, 'src/world/a.ts', `export { b } from '../instruments/b.ts'\n// import { c } from '../http/c.ts'\n`, [1])
  catches(imports, 'src/http/a.ts', `const b = await import('../vault/b.ts')\n`, [1])
  catches(imports, 'src/safeguards/a.ts', `import { bind } from '../instruments/bind.ts'\n`, [1])
  catches(imports, 'src/instruments/a.ts', `import { b } from '../events/event.ts'\nimport { c } from '../channels/index.ts'\n`, [2])
  catches(imports, 'src/vault/a.ts', `import { b } from '../http/b.ts'\nimport { c } from '../world/store.ts'\n`, [1])
  catches(imports, 'src/world/a.ts', `import { testDatabase } from './testing.ts'\n`, [1])
  catches(imports, 'src/main.ts', `import { b } from './vault/client.ts'\nimport { c } from '../sim/run.ts'\n`, [2])
  holds(complaints(imports))
})

test('a file is one sitting (300 lines), a function one screen (60)', () => {
  catches(lengths, 'src/a.ts', '\n'.repeat(300).concat('const a = 1\n'), [301])
  const body = 'f()\n'.repeat(60)
  catches(lengths, 'src/a.ts', `function f(a: { b: string }): Promise<{ c: number }> {\n${body}}\n`, [1])
  catches(lengths, 'src/a.ts', `const f = (a = '}'): void => {\n${body}}\n`, [1])
  catches(lengths, 'src/a.ts', `if (a) {\n${body}}\nconst g = { a: [\n${body.replaceAll('f()', '1,')}] }\n`, [])
  catches(lengths, 'src/a.ts', `const r = /[/{]\\/{/.test(x) ? 1 / 2 : \`{\${{ a: '\`{' }.a}{\`\n${'// {\n'.repeat(70)}f(() => {\n})\n`, [])
  holds(complaints(lengths))
})

test('time and chance come from the world', () => {
  catches(
    time,
    'src/instruments/a.ts',
    `const a = Date.now()\nnew Date()\nnew Date(5)\nMath.random()\nsetTimeout(() => {}, 1)\nsocket.setTimeout(5)\n`,
    [1, 2, 4, 5],
  )
  catches(
    time,
    'src/http/a.ts',
    `import { randomUUID } from 'node:crypto'\nimport { setTimeout as sleep } from 'node:timers/promises'\n`,
    [1, 2],
  )
  catches(time, 'src/http/a.ts', `// Date.now()\nconst a = 'Math.random()'\n`, [])
  catches(time, 'src/world/live.ts', `Date.now()\n`, [])
  catches(time, 'sim/faults.ts', `Math.random()\n`, [1])
  holds(complaints(time))
})

test('nothing is called by a word that says nothing', () => {
  catches(names, 'src/http/utils.ts', '', [1])
  catches(names, 'src/world/store-helpers.ts', '', [1])
  catches(names, 'src/a.ts', `const b = 1\nexport function bindHelper() {}\ntype CardService = 1\nexport default b\n`, [2, 3, 4])
  catches(names, 'src/a.ts', `// a helper\nconst manage = 'utils'\n`, [])
  holds(complaints(names))
})

test('a class is an error or a secret', () => {
  catches(
    classes,
    'src/a.ts',
    `class A {}\nclass B extends Error {}\nclass Secret {}\nclass C<T> extends A {}\nclass D extends ConfigError {}\n`,
    [1, 4],
  )
  holds(complaints(classes))
})

test('SQL stands in the store, in queries and in migrations', () => {
  catches(
    sql,
    'src/instruments/bind.ts',
    `query('select a from b')\nquery(\`\n  update a\n  set b = 1\`)\nconst c = 'select one'\n`,
    [1, 2],
  )
  catches(sql, 'src/instruments/queries.ts', `query('select a from b')\n`, [])
  holds(complaints(sql))
})

test('the compiler is asked, not told: no any, no as, no !', () => {
  catches(assertions, 'src/a.ts', `const a = b as string\nconst c = [1] as const\nlet d: any\nconst e = f!.g\n`, [1, 3, 4])
  catches(
    assertions,
    'src/a.ts',
    `\nimport { a as b } from 'c'\nimport * as d from 'e'\nexport { f as g } from 'h'\nconst x = y as z\n`,
    [5],
  )
  catches(
    assertions,
    'src/a.ts',
    `type A = { [K in keyof B as C<K>]: 1 }\nz.any(); const a = { any: 1, as: 2 }\nif (!a || a !== b) c = 'as any!'\nPromise.any([])\n`,
    [],
  )
  const found = sources.flatMap(source => {
    const here = assertions(source).map(({ line, text }) => `${source.path}:${line} ${text}`)
    return here.length === (edges[source.path]?.count ?? 0) ? [] : here
  })
  holds(found)
  for (const path of Object.keys(edges)) assert.ok(files.includes(path), `${path} is listed as an edge and is not there`)
})

test('the repository does not know where it was written', () => {
  // Put together here, so that this file does not name them either.
  const places = new RegExp(
    [`/${'work'}/(main|shared|wt-|\\.)`, `registry\\.npm${'js'}`, `deb\\.deb${'ian'}\\.org`, `/tmp/${'slot'}`].join('|'),
  )
  const textual = files.filter(path => !/\.(png|jpg|ico|woff2?|gz|pdf)$/.test(path))
  assert.ok(textual.length > 120)
  const found = textual.flatMap(path => {
    const lines = readFileSync(path, 'utf8').split('\n')
    return lines.flatMap((line, i) => (places.test(line) ? [`${path}:${i + 1} ${line.trim().slice(0, 80)}`] : []))
  })
  holds(found)
})
