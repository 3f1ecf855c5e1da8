/** A page for people: one frame for all. */
import type { PageAnswer } from './pages.ts'

export function html(title: string, main: string, scripts: readonly string[] = [], status = 200): PageAnswer {
  const loaded = scripts.map(source => `<script src="${source}"></script>`).join('')
  const body = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"></head>
<body>${main}${loaded}</body>
</html>
`
  return { status, contentType: 'text/html; charset=utf-8', body }
}

/** Text inside an element or a quoted attribute. */
export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
