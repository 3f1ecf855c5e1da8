/** The judge of Square's stage: the published specification, for calls and for webhooks. */
import { isRecord, type Json } from '../json.ts'
import { createJudge, type Overlay, type Unjudged } from '../judge.ts'
import type { StageJudge } from '../simulator.ts'

const inside = (value: unknown, ...names: readonly string[]): Json => {
  const found = names.reduce((at, name) => (isRecord(at) ? at[name] : undefined), value)
  return isRecord(found) ? found : {}
}

/** Takes out what points to another document, wherever it stands; gives how many there were. */
function withoutRemote(value: unknown): number {
  let count = 0
  if (Array.isArray(value)) for (const one of value) count += withoutRemote(one)
  else if (isRecord(value))
    for (const [name, one] of Object.entries(value)) {
      if (name === '$ref' && typeof one === 'string' && !one.startsWith('#')) {
        delete value[name]
        count += 1
      } else count += withoutRemote(one)
    }
  return count
}

export const operations = [
  ['POST', '/v2/customers'],
  ['POST', '/v2/cards'],
  ['GET', '/v2/cards'],
  ['GET', '/v2/cards/{card_id}'],
  ['POST', '/v2/cards/{card_id}/disable'],
] as const

/** How many there are in the document of 2025-08: another number wants another look. */
export const remoteReferences = 60

/** Corrections of the published document; a test shows that each is needed. */
export const overlays: readonly Overlay[] = [
  {
    reason:
      '60 examples of custom attribute events show a `schema` whose `$ref` is a file of Square’s web server. They are examples of data, not schemas; nothing is fetched.',
    apply(document) {
      const count = withoutRemote(document)
      if (count !== remoteReferences)
        throw new TypeError(`square/api.json has ${count} remote references, ${remoteReferences} were expected`)
    },
  },
  {
    reason:
      'Operations list their success only. Each answer has `errors` ("if there are errors processing the request, the card field will not be present"), with the statuses of the guide on handling errors.',
    apply(document) {
      for (const [method, path] of operations) {
        const responses = inside(document, 'paths', path, method.toLowerCase(), 'responses')
        for (const status of ['400', '401', '402', '403', '404', '409', '422', '429', '500']) responses[status] ??= responses['200']
      }
    },
  },
]

/** What else is not as it should be in the document, and does not matter here. */
export const unjudged: readonly Unjudged[] = [
  {
    kind: 'references',
    count: 5,
    reason:
      'five fields of catalogue modifiers name `CatalogModifierToggleOverrideType`, which the document does not have; no catalogue is spoken of here',
  },
]

const eventSchemas: Readonly<Record<string, string>> = {
  'card.created': 'CardCreatedEvent',
  'card.updated': 'CardUpdatedEvent',
  'card.automatically_updated': 'CardAutomaticallyUpdatedEvent',
  'card.disabled': 'CardDisabledEvent',
  'card.forgotten': 'CardForgottenEvent',
}

export function judgeSquare(specsDir: string): StageJudge {
  const judge = createJudge({ specsDir, file: 'square/api.json', overlays, unjudged })
  judge.prepare(operations)
  return {
    covers: request => request.path.startsWith('/v2/'),
    request: request => judge.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      judge.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event(event) {
      const schema = eventSchemas[event.type]
      return schema === undefined
        ? [{ where: 'value', pointer: '', message: `${event.type} is not in the specification` }]
        : judge.checkSchema(schema, JSON.parse(event.body))
    },
  }
}
