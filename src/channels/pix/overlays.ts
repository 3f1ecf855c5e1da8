/** Corrections of API Pix 2.9.0, made in memory. `examples.test.ts` shows of each that without it an official example or a true answer fails. */
import { isRecord, type Json } from '../json.ts'
import type { Overlay } from '../judge.ts'

const inside = (value: unknown, ...names: readonly string[]): Json => {
  const found = names.reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), value)
  if (!isRecord(found)) throw new TypeError(`the specification has no ${names.join('/')}`)
  return found
}
const schema = (document: Json, ...names: readonly string[]): Json => inside(document, 'components', 'schemas', ...names)
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const without = (of: Json, ...names: readonly string[]): void => {
  of.required = listOf(of.required).filter(one => !names.some(name => name === one))
}
/** Alternatives that are told apart by which property is there must each require it. */
const tellApart = (of: Json): void => {
  for (const one of listOf(of.oneOf)) if (isRecord(one)) one.required = Object.keys(inside(one, 'properties'))
}

function everyNode(node: unknown, act: (node: Json) => void): void {
  if (Array.isArray(node)) for (const one of node) everyNode(one, act)
  if (!isRecord(node)) return
  act(node)
  for (const one of Object.values(node)) everyNode(one, act)
}

export const overlays: readonly (Overlay & { readonly name: string })[] = [
  {
    name: 'slashes',
    reason:
      'Patterns of CPF and of the municipality code are written with the slashes of a JavaScript literal (`/^\\d{11}$/`): they match nothing.',
    apply: document =>
      everyNode(document, node => {
        if (typeof node.pattern === 'string') node.pattern = node.pattern.replace(/^\/(.*)\/$/, '$1')
      }),
  },
  {
    name: 'RecBase',
    reason:
      '`RecBase` requires `idRec`, which whoever creates a recurrence cannot know, and `retentativa`, which no schema has (it became `politicaRetentativa`).',
    apply: document => without(schema(document, 'RecBase'), 'idRec', 'retentativa'),
  },
  {
    name: 'SolicRecBase',
    reason: '`SolicRecBase` requires `pagador`, which no schema of it has; the payer stands in `destinatario`.',
    apply: document => without(schema(document, 'SolicRecBase'), 'pagador'),
  },
  {
    name: 'SolicRecCompleta',
    reason: '`SolicRecCompleta` requires `rec`; its property is called `recPayload`.',
    apply: document => {
      schema(document, 'SolicRecCompleta').required = ['recPayload']
    },
  },
  {
    name: 'location type',
    reason: 'A location is required to say its `tipo`, which no answer has, and neither has any example.',
    apply: document => without(schema(document, 'PayloadLocationRecGerada'), 'tipo'),
  },
  {
    name: 'location without scheme',
    reason: 'A location has the format `uri`, and every example is host and path without a scheme, which is what a BR Code holds.',
    apply: document => {
      delete schema(document, 'PayloadLocationRecGerada', 'properties', 'location').format
    },
  },
  {
    name: 'RecNotification',
    reason: '`RecNotification` requires `atualizacao"`, with a stray quotation mark, so no notification is right.',
    apply: document => {
      schema(document, 'RecNotification').required = ['idRec', 'status', 'atualizacao']
    },
  },
  {
    name: 'RecEncerramento',
    reason: 'The two alternatives of `encerramento` require nothing, so each ending fits both and `oneOf` refuses it.',
    apply: document => tellApart(schema(document, 'RecEncerramento', 'properties', 'encerramento')),
  },
  {
    name: 'DadosPagadorRec',
    reason: '`ispbParticipante` is required of the recurrence, beside `pagador`; it stands inside it.',
    apply: document => {
      const holder = schema(document, 'DadosPagadorRec')
      without(holder, 'ispbParticipante')
      inside(holder, 'properties', 'pagador').required = ['ispbParticipante']
    },
  },
  {
    name: 'RecRevisada',
    reason: 'The two alternatives of a revised `devedor` are the same schema, so every `devedor` fits both and `oneOf` refuses it.',
    apply: document => {
      for (const part of listOf(schema(document, 'RecRevisada').allOf))
        everyNode(part, node => {
          if (!isRecord(node.devedor)) return
          node.devedor.anyOf = node.devedor.oneOf
          delete node.devedor.oneOf
        })
    },
  },
  {
    name: 'two paths that are one',
    reason:
      'OpenAPI 3.0 forbids templates that differ in their names only, and `GET /rec/{recUrlAccessToken}` hides `GET /rec/{idRec}`. It is served at the location, not at the API.',
    apply: document => {
      delete inside(document, 'paths')['/rec/{recUrlAccessToken}']
    },
  },
  {
    name: '401',
    reason: 'No operation lists 401, by which a missing, unknown or expired access token is answered (RFC 6750, 3.1).',
    apply: document => {
      const gateway = { description: 'The gateway answers: no body of the specification.', content: { 'application/json': { schema: {} } } }
      for (const item of Object.values(inside(document, 'paths')))
        for (const operation of Object.values(isRecord(item) ? item : {}))
          if (isRecord(operation) && isRecord(operation.responses)) operation.responses['401'] ??= gateway
    },
  },
  {
    name: 'retirada',
    reason: 'The two alternatives of `retirada` (`saque`, `troco`) require nothing, so each fits both and `oneOf` refuses it.',
    apply: document => tellApart(schema(document, 'CobValor', 'properties', 'retirada')),
  },
  {
    name: 'calendario of a charge',
    reason: '`calendario` is required of a charge, and its only property has a default; the examples with a withdrawal leave it out.',
    apply: document => without(schema(document, 'CobSolicitada'), 'calendario'),
  },
  {
    name: 'tipoCob',
    reason: 'Naming a location for a charge requires `tipoCob`, which the schema does not have and no example gives.',
    apply: document => without(schema(document, 'PayloadLocationCob'), 'tipoCob'),
  },
]
