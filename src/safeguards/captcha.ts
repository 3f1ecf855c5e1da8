/**
 * A captcha in the place of the proof of work: its service is asked whether what the browser brought is good. hCaptcha, reCAPTCHA and Turnstile
 * ask alike: a form with `secret`, `response` and `remoteip`, answered by JSON with `success` (their "siteverify").
 */
import { z } from 'zod'
import { NoAnswer, type Send } from '../channels/channel.ts'
import type { Log, SafeguardSettings } from '../world/world.ts'

export type SiteVerify = { readonly url: string; readonly secret: string }
const verdict = z.object({ success: z.boolean(), 'error-codes': z.array(z.string().max(60)).max(20).optional() })

/** What its service does not answer is not good: then the browser may still work. Says in the log when it is the service that is at fault. */
export function captchaAt({ url, secret }: SiteVerify, send: Send, log: Pick<Log, 'warn'>): NonNullable<SafeguardSettings['captcha']> {
  return async (token, ip) => {
    const form = new URLSearchParams({ secret, response: token, ...(ip === null ? {} : { remoteip: ip }) })
    try {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
      const answer = await send({ method: 'POST', url, headers, body: form.toString() })
      const said = verdict.safeParse(jsonOf(answer.body))
      if (answer.status !== 200 || !said.success) log.warn('the captcha service answers oddly', { status: answer.status })
      else if (said.data['error-codes']?.some(code => code.endsWith('-secret')) === true) log.warn('the captcha service refuses our secret')
      return answer.status === 200 && said.success && said.data.success
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      log.warn('the captcha service does not answer')
      return false
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
