/** From what endpoints take, as zod read it, to what the use cases take. */
import type { z } from 'zod'
import type { MandateTerms } from '../channels/channel.ts'
import { fieldProblem } from '../core/problem.ts'
import type { bindBody, mandateTerms, routeBody } from './schemas.ts'
import type { Subject } from './source.ts'
import type { Client, Consent } from './tables.ts'

type Bodies = Partial<z.output<typeof bindBody> | z.output<typeof routeBody>>

/** The one subject of a body; the schema has seen to it that there is one. */
export function subjectOf(body: Bodies): Subject {
  if (body.card !== undefined) return { type: 'card', ...body.card }
  if ('encrypted_card' in body && body.encrypted_card !== undefined) return { type: 'encrypted_card', ...body.encrypted_card }
  if (body.device_token !== undefined) return { type: 'device_token', ...body.device_token }
  if (body.bank_account !== undefined) return { type: 'bank_account', ...body.bank_account }
  if (body.wallet !== undefined) return { type: 'wallet', ...body.wallet }
  if (body.instant_mandate !== undefined) return { type: 'instant_mandate', ...body.instant_mandate }
  if (body.carrier_account !== undefined) return { type: 'carrier_account', ...body.carrier_account }
  throw fieldProblem('/card', 'there is nothing to bind')
}

export function termsOf(body: z.output<typeof mandateTerms> | undefined): MandateTerms | undefined {
  if (body === undefined) return undefined
  const { starts_on: startsOn, ends_on: endsOn, count_max: countMax, notice_days: noticeDays, window, amount, ...rest } = body
  return {
    ...rest,
    startsOn,
    ...(amount === undefined ? {} : { amount }),
    ...(endsOn === undefined ? {} : { endsOn }),
    ...(countMax === undefined ? {} : { countMax }),
    ...(noticeDays === undefined ? {} : { noticeDays }),
    ...(window === undefined ? {} : { window }),
  }
}

export function clientOf(body: z.output<typeof bindBody>['client']): Client {
  return { ip: body?.ip ?? null, userAgent: body?.user_agent ?? null, device: body?.device ?? null }
}

export function consentOf(body: z.output<typeof bindBody>['consent']): Consent | null {
  if (body === undefined) return null
  return {
    textVersion: body.text_version,
    acceptedAt: body.accepted_at,
    ip: body.ip ?? null,
    userAgent: body.user_agent ?? null,
  }
}
