/** Addresses that are not endpoints: no key, no JSON taken, not counted, not logged. Health for machines, pages for people. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

export type PageRequest = { readonly params: Readonly<Record<string, string>>; readonly acceptsGzip: boolean }
export type PageAnswer = {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}
export type Page = { readonly path: string; readonly answer: (request: PageRequest) => PageAnswer | Promise<PageAnswer> }

export function registerPages(
  app: FastifyInstance,
  pages: readonly Page[],
  failed: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  for (const page of pages) {
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      try {
        const params = Object.fromEntries(Object.entries(request.params ?? {}).map(([name, value]) => [name, String(value)]))
        const acceptsGzip = /\bgzip\b/.test(String(request.raw.headers['accept-encoding'] ?? ''))
        const { status, contentType, body, headers } = await page.answer({ params, acceptsGzip })
        reply.hijack()
        const length = Buffer.byteLength(body)
        reply.raw.writeHead(status, { ...pageHeaders, 'content-type': contentType, 'content-length': length, ...headers })
        reply.raw.end(body)
      } catch {
        failed(request, reply)
      }
    }
    app.route({ method: 'GET', url: page.path.replace(/\{(\w+)\}/g, ':$1'), handler })
  }
}

/**
 * Nothing from anywhere else: no script, style, font, picture or call leaves this host. Inline styles are allowed because the docs page
 * sets some; they cannot load anything from outside either.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}
