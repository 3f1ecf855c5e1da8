/** The judge of Adyen's stage: Checkout v71 and Recurring v68 for calls, by their paths; Webhooks v1 and the tokenization webhooks for news. */
import { createJudge, type Judge, type Overlay, type Violation } from '../judge.ts'
import type { SimulatorEvent, SimulatorRequest, StageJudge } from '../simulator.ts'

const isJson = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const inside = (value: unknown, name: string): Record<string, unknown> => {
  const found = isJson(value) ? value[name] : undefined
  return isJson(found) ? found : {}
}

/** Corrections of the published document; a test shows that each is needed. */
export const overlays: readonly Overlay[] = [
  {
    reason:
      'The stored payment method operations list their success only. They fail in the form every other operation lists (ServiceError), as the error codes page says.',
    apply(document) {
      const paths = inside(document, 'paths')
      const errors = inside(inside(inside(paths, '/payments'), 'post'), 'responses')
      for (const path of ['/storedPaymentMethods', '/storedPaymentMethods/{storedPaymentMethodId}'])
        for (const method of ['get', 'delete']) {
          const responses = inside(inside(inside(paths, path), method), 'responses')
          if (Object.keys(responses).length === 0) continue
          for (const status of ['400', '401', '403', '422', '500']) responses[status] ??= errors[status]
        }
    },
  },
]

export const operations = [
  ['POST', '/payments'],
  ['POST', '/payments/details'],
  ['GET', '/storedPaymentMethods'],
  ['DELETE', '/storedPaymentMethods/{storedPaymentMethodId}'],
] as const

const base = /^\/(v7[12])(?=\/)/
const recurringBase = /^\/pal\/servlet\/Recurring\/v68(?=\/)/
const eventSchemas: Readonly<Record<string, string>> = {
  'recurring.token.created': 'TokenizationCreatedDetailsNotificationRequest',
  'recurring.token.updated': 'TokenizationUpdatedDetailsNotificationRequest',
  'recurring.token.disabled': 'TokenizationDisabledDetailsNotificationRequest',
  'recurring.token.alreadyExisting': 'TokenizationAlreadyExistingDetailsNotificationRequest',
}

export function judgeAdyen(specsDir: string): StageJudge {
  const checkout = (version: string) => createJudge({ specsDir, file: `adyen/CheckoutService-${version}.json`, overlays })
  const v71 = checkout('v71')
  v71.prepare(operations)
  // The official library's version: compiled only when it calls.
  let v72: Judge | undefined
  const judgeOf = (request: SimulatorRequest): Judge => {
    if (recurringBase.test(request.path)) return recurring
    if (base.exec(request.path)?.[1] === 'v71') return v71
    v72 ??= checkout('v72')
    return v72
  }
  const recurring = createJudge({ specsDir, file: 'adyen/RecurringService-v68.json' })
  const standard = createJudge({ specsDir, file: 'adyen/Webhooks-v1.json' })
  const tokens = createJudge({ specsDir, file: 'adyen/TokenizationNotification-v1.json' })
  return {
    covers: request => base.test(request.path) || recurringBase.test(request.path),
    request: request =>
      judgeOf(request).checkRequest({ ...request, path: pathOf(request), contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      judgeOf(request).checkResponse({ method: request.method, path: pathOf(request), status: answer.status, body: answer.body }),
    event: event => judgeEvent(event, standard.checkSchema, tokens.checkSchema),
  }
}

const pathOf = (request: SimulatorRequest): string => request.path.replace(base, '').replace(recurringBase, '')

type Check = (name: string, value: unknown) => readonly Violation[]

function judgeEvent(event: SimulatorEvent, standard: Check, tokens: Check): readonly Violation[] {
  const value: unknown = JSON.parse(event.body)
  if (event.type === 'AUTHORISATION') return standard('AuthorisationNotificationRequest', value)
  const schema = eventSchemas[event.type]
  return schema === undefined
    ? [{ where: 'value', pointer: '', message: `${event.type} is not in the specification` }]
    : tokens(schema, value)
}
