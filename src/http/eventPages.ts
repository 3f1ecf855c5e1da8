/** The catalogue of events as a page, and the AsyncAPI document. */
import { escaped, html } from './html.ts'
import type { WebhookDescription } from './openapi.ts'
import type { Page } from './pages.ts'

export function eventPages(webhooks: readonly WebhookDescription[], asyncApi: (() => unknown) | undefined): readonly Page[] {
  let rendered: string | undefined
  const document = (): string => {
    rendered ??= JSON.stringify(asyncApi?.() ?? {})
    return rendered
  }
  const rows = webhooks.map(({ type, summary }) => `<tr><td><code>${escaped(type)}</code></td><td>${escaped(summary)}</td></tr>`)
  const main = `<main class="wide"><h1>Events</h1>
<p>What is told to your endpoints, each in the commit that made it. <a href="/asyncapi.json">AsyncAPI 3.0 document</a></p>
<div class="scroll"><table><thead><tr><th>type</th><th>when</th></tr></thead><tbody>${rows.join('')}</tbody></table></div></main>`
  return [
    { path: '/docs/events', answer: () => html('Events', main) },
    ...(asyncApi === undefined
      ? []
      : [{ path: '/asyncapi.json', answer: () => ({ status: 200, contentType: 'application/json', body: document() }) }]),
  ]
}
