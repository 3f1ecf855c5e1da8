/** What an operator adds to the safeguards by files: a captcha's service and a table of autonomous systems. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { createSend } from '../world/http.ts'
import type { Log, SafeguardSettings } from '../world/world.ts'
import { captchaAt } from './captcha.ts'
import { readSystemTable } from './systemTable.ts'

export type OperatorFiles = { readonly captchaFile: string | undefined; readonly systemsFile: string | undefined }
type Opened = { readonly settings: SafeguardSettings; close(): Promise<void> }

const service = z.strictObject({ verify_url: z.url({ protocol: /^https?$/ }), secret: z.string().min(1).max(500) })
/** A browser waits for it. */
const captchaTimeoutMs = 3_000
const captchaBytesMax = 16_384

/** Throws an error that names the file at fault. `allowLoopback`: in the sandbox alone. */
export async function safeguardsOf(files: OperatorFiles, log: Log, allowLoopback: boolean): Promise<Opened> {
  const captcha = files.captchaFile === undefined ? undefined : readService(files.captchaFile)
  const table = files.systemsFile === undefined ? undefined : await readSystemTable(files.systemsFile)
  if (table !== undefined) log.info('autonomous systems are known', { ranges: table.ranges })
  if (captcha === undefined) return { settings: systemsOf(table), close: async () => {} }
  const { origin } = new URL(captcha.url)
  const send = createSend({ timeoutMs: captchaTimeoutMs, maxBytes: captchaBytesMax, allowLoopback, allowedOrigins: [origin] })
  return { settings: { ...systemsOf(table), captcha: captchaAt(captcha, send, log) }, close: () => send.close() }
}

const systemsOf = (table: { systemOf(ip: string): string | undefined } | undefined): SafeguardSettings =>
  table === undefined ? {} : { autonomousSystemOf: table.systemOf }

function readService(path: string) {
  const read = service.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (!read.success) throw new Error(`${path}: ${z.prettifyError(read.error)}`)
  return { url: read.data.verify_url, secret: read.data.secret }
}
