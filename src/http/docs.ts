/** Pages for people: the landing page, the API's reference, and one page for each problem. Everything they need comes from here. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import fastify from 'fastify'
import { problems } from '../core/problem.ts'
import { escaped, html } from './html.ts'
import type { OpenApiDocument } from './openapi.ts'
import type { Page, PageAnswer } from './pages.ts'
import { advice, isProblemCode } from './problems.ts'

export function docsPages(document: () => OpenApiDocument): readonly Page[] {
  let rendered: string | undefined
  const openApiText = (): string => {
    rendered ??= JSON.stringify(document())
    return rendered
  }
  let script: Promise<Script> | undefined
  return [
    { path: '/', answer: () => html('Bindery', landing) },
    {
      path: '/openapi.json',
      answer: () => ({ status: 200, contentType: 'application/json', body: openApiText() }),
    },
    { path: '/docs', answer: () => html('API reference', '<div id="reference"></div>', ['/docs/reference.js', '/docs/start.js']) },
    { path: '/docs/start.js', answer: () => asset('text/javascript', startScript) },
    {
      path: '/docs/reference.js',
      answer: async ({ acceptsGzip }) => {
        script ??= referenceScript()
        const { plain, packed } = await script
        return acceptsGzip ? asset('text/javascript', packed, { 'content-encoding': 'gzip' }) : asset('text/javascript', plain)
      },
    },
    { path: '/page.css', answer: () => asset('text/css', stylesheet) },
    { path: '/problems/{code}', answer: ({ params }) => problemPage(params.code ?? '') },
  ]
}

type Script = { readonly plain: Buffer; readonly packed: Buffer }

/** Scalar's bundle, taken from its plugin the first time somebody asks (it is 4 MB of JavaScript). */
async function referenceScript(): Promise<Script> {
  const { default: plugin } = await import('@scalar/fastify-api-reference')
  const shelf = fastify()
  await shelf.register(plugin, { routePrefix: '/docs', configuration: { url: '/openapi.json' } })
  const { rawPayload, statusCode } = await shelf.inject('/docs/js/scalar.js')
  await shelf.close()
  if (statusCode !== 200) throw new TypeError('the reference plugin has moved its script')
  return { plain: rawPayload, packed: await promisify(gzip)(rawPayload) }
}

/** No fonts, telemetry, assistant, proxy or search of the maker's: all of them live elsewhere. */
const startScript = `Scalar.createApiReference('#reference', {
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  persistAuth: false,
})
`

const asset = (contentType: string, body: string | Buffer, headers: Record<string, string> = {}): PageAnswer => ({
  status: 200,
  contentType: `${contentType}; charset=utf-8`,
  body,
  headers: { 'cache-control': 'public, max-age=3600', vary: 'accept-encoding', ...headers },
})

const problemCodes = Object.keys(problems).filter(isProblemCode)

const landing = `<main><h1>Bindery</h1>
<p>Binds payment instruments over many channels and keeps them alive.</p>
<ul>
<li><a href="/docs">API reference</a></li>
<li><a href="/docs/channels">Channels: what each can do, and its sandbox values</a></li>
<li><a href="/docs/events">Events: what is told to your endpoints</a></li>
<li><a href="/openapi.json">OpenAPI 3.1 document</a>, <a href="/asyncapi.json">AsyncAPI 3.0 document</a></li>
<li><a href="/healthz">Is it alive?</a> <a href="/readyz">Is it ready?</a> <a href="/metrics">Metrics</a></li>
</ul>
<h2>Problems</h2>
<ul>${problemCodes.map(code => `<li><a href="/problems/${code}">${code}</a> ${problems[code].title}</li>`).join('')}</ul></main>`

function problemPage(code: string): PageAnswer {
  if (!isProblemCode(code))
    return html('No such problem', '<main><h1>No such problem</h1><p><a href="/">All problems</a></p></main>', [], 404)
  const { title, status, retryable } = problems[code]
  const again = retryable ? 'The same request may succeed later.' : 'The same request will fail again.'
  const main = `<main><h1>${title}</h1><p><code>${code}</code>, HTTP status ${status}. ${again}</p>
<p>${escaped(advice[code])}</p><p><a href="/">All problems</a></p></main>`
  return html(title, main)
}

const stylesheet = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 0 }
body > main { max-width: 44rem; margin: 3rem auto; padding: 0 1rem }
code { font-family: ui-monospace, monospace }
body > main.wide { max-width: 90rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .85rem }
body > main.portal { max-width: 36rem }
.held { list-style: none; padding: 0; display: grid; gap: 1rem }
.held > li { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .6rem; padding: 1rem }
.portal h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere }
.notes { display: flex; flex-wrap: wrap; gap: .2rem .8rem; margin: .3rem 0 0; font-size: .9rem }
.mark { border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem; font-weight: 600 }
.said { border-left: .3rem solid #1a7f4b; padding: .6rem .8rem; background: color-mix(in srgb, #1a7f4b 12%, transparent) }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1rem }
.actions form { margin: 0 }
.actions button, .actions .button { font: inherit; line-height: 1.2; padding: .7rem 1rem; min-height: 2.75rem; box-sizing: border-box; border-radius: .5rem; border: 1px solid currentColor; background: none; color: inherit; text-decoration: none; cursor: pointer; display: inline-block }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
`
