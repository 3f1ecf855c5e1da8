/**
 * A page that the vault serves itself, so that a merchant need build nothing: what is typed into it goes back to where it came from, and the API's
 * process can neither read nor change it. One script and one style sheet of ours, nothing of anybody else's; the client secret of a binding
 * session stands behind the #, which no server is sent.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type HostedFile = { readonly type: string; readonly body: Buffer; readonly headers: readonly string[] }

export const hostedPath = '/bind'
const read = (name: string): Buffer => readFileSync(new URL(`hosted/${name}`, import.meta.url))
const digestOf = (body: Buffer): string => `sha384-${createHash('sha384').update(body).digest('base64')}`

/** By path. `publicUrl`: where the API is, the one other place that the page may speak to. */
export function hostedFiles(publicUrl: string): ReadonlyMap<string, HostedFile> {
  const api = new URL(publicUrl).origin
  const [script, style] = [read('page.js'), read('page.css')]
  const page = Buffer.from(pageOf(api, digestOf(script), digestOf(style)))
  const html = { type: 'text/html; charset=utf-8', body: page, headers: ['content-security-policy', policyOf(api), ...pageHeaders] }
  const asset = (type: string, body: Buffer): HostedFile => ({ type, body, headers: ['content-security-policy', "default-src 'none'"] })
  return new Map([
    [hostedPath, html],
    ['/bind.js', asset('text/javascript; charset=utf-8', script)],
    ['/bind.css', asset('text/css; charset=utf-8', style)],
  ])
}

/** A bank may be sent to by a form; a sandbox's is on this machine. */
const policyOf = (api: string): string => {
  const loopback = /^http:\/\/(?:127\.0\.0\.1|localhost)(?::|$)/.test(api) ? ' http://127.0.0.1:* http://localhost:*' : ''
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self' ${api}`,
    'img-src data:',
    `form-action https:${loopback}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

const pageHeaders = [
  ...['cross-origin-opener-policy', 'same-origin'],
  ...['permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()'],
  ...['x-frame-options', 'DENY'],
]

const pageOf = (api: string, script: string, style: string): string => `<!doctype html>
<html lang="en" data-api="${api}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Add a card</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="bind.css" integrity="${style}"></head>
<body><main>
<h1>Add a card</h1>
<p id="told" role="status"></p>
<form hidden novalidate autocomplete="on">
<label>Card number <input name="number" inputmode="numeric" autocomplete="cc-number" maxlength="30" required></label>
<div class="pair">
<label>Expires <input name="expiry" inputmode="numeric" autocomplete="cc-exp" placeholder="MM / YY" maxlength="9" required></label>
<label>Security code <input name="security_code" inputmode="numeric" autocomplete="cc-csc" maxlength="4"></label>
</div>
<label>Name on the card <input name="holder" autocomplete="cc-name" maxlength="100"></label>
<label id="consent" class="line" hidden><input type="checkbox" name="agreed"><span>I agree to the terms, version <span id="version"></span></span></label>
<button>Save card</button>
</form>
<form id="otp" hidden>
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="12" required></label>
<button>Go on</button>
</form>
<p><a id="back" hidden>Back to the shop</a></p>
<noscript><p>This page needs JavaScript: your card is handed over by it.</p></noscript>
</main><script src="bind.js" integrity="${script}"></script></body>
</html>
`
