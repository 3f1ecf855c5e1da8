/** The operations of an OpenAPI document: which one a request is, and where in the document its parts stand. */
import { isRecord, type Json } from './json.ts'

/** `pointer`: of its schema. */
export type Parameter = {
  readonly name: string
  readonly place: string
  readonly required: boolean
  readonly schema: unknown
  readonly pointer: string
}
export type Operation = {
  readonly method: string
  readonly template: string
  readonly expression: RegExp
  readonly parameters: readonly Parameter[]
  readonly operation: Json
  /** JSON pointer of the operation in the document. */
  readonly pointer: string
}

export function listOperations(document: Json): readonly Operation[] {
  const base = basePath(document)
  const out: Operation[] = []
  for (const [template, item] of Object.entries(isRecord(document.paths) ? document.paths : {})) {
    if (!isRecord(item)) continue
    for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
      const operation = item[method]
      if (!isRecord(operation)) continue
      const place = `/paths/${escaped(template)}`
      const pointer = `${place}/${method}`
      const parameters = [...listParameters(document, item, place), ...listParameters(document, operation, pointer)]
      const pattern = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')
      const expression = new RegExp(`^(?:${base})?${pattern}$`)
      out.push({ method: method.toUpperCase(), template, expression, parameters, operation, pointer })
    }
  }
  // `/things/search` is not `/things/{id}`: the template with fewer holes wins.
  return out.sort((a, b) => a.template.split('{').length - b.template.split('{').length)
}

function listParameters(document: Json, holder: Json, pointer: string): readonly Parameter[] {
  const list = Array.isArray(holder.parameters) ? holder.parameters : []
  return list.flatMap((one: unknown, index) => {
    const parameter = resolver(document)(one)
    if (!isRecord(parameter)) return []
    const { name, in: place, required, schema } = parameter
    return [
      {
        name: String(name),
        place: String(place),
        required: required === true,
        schema,
        pointer: `${standsAt(one, `${pointer}/parameters/${index}`)}/schema`,
      },
    ]
  })
}

function basePath(document: Json): string {
  const server = Array.isArray(document.servers) ? document.servers[0] : undefined
  const url = isRecord(server) && typeof server.url === 'string' ? server.url : ''
  const path = URL.canParse(url) ? new URL(url).pathname : url
  return path.replace(/\/$/, '').replace(/[.*+?^$()|[\]\\{}]/g, '\\$&')
}

export const findOperation = (operations: readonly Operation[], method: string, path: string): Operation | undefined =>
  operations.find(one => one.method === method && one.expression.test(path))

/** Follows `$ref` within the document. */
export function resolver(document: Json): (schema: unknown) => unknown {
  const resolve = (schema: unknown): unknown => {
    if (!isRecord(schema) || typeof schema.$ref !== 'string') return schema
    let at: unknown = document
    for (const part of schema.$ref.replace(/^#\//, '').split('/')) {
      at = isRecord(at) ? at[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
    }
    return resolve(at)
  }
  return resolve
}

export const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

export const contentOf = (body: unknown): Json => (isRecord(body) && isRecord(body.content) ? body.content : {})
/** Where a part really stands: here, or where its `$ref` points to. */
const standsAt = (node: unknown, pointer: string) =>
  isRecord(node) && typeof node.$ref === 'string' ? node.$ref.replace(/^#/, '') : pointer
export const bodyPointer = (found: Operation, type: string) =>
  `${standsAt(found.operation.requestBody, `${found.pointer}/requestBody`)}/content/${escaped(type)}/schema`
export function at(document: Json, pointer: string): unknown {
  return resolver(document)({ $ref: `#${pointer}` })
}

/**
 * The schema of a JSON answer. `any`: JSON is promised, but not which. Errors may come as `application/problem+json`.
 */
export type Answered = { readonly name: string; readonly json: string | 'any' | undefined }

/** The documented answers by status, with the pointer of their JSON schema. */
export function answersOf(found: Operation, document: Json): readonly Answered[] {
  const responses = isRecord(found.operation.responses) ? found.operation.responses : {}
  return Object.entries(responses).map(([name, one]) => {
    const content = contentOf(resolver(document)(one))
    const type = Object.keys(content).find(type => /^application\/([\w.-]+\+)?json\b/.test(type))
    if (type === undefined) return { name, json: undefined }
    const media = content[type]
    const place = standsAt(one, `${found.pointer}/responses/${name}`)
    return { name, json: isRecord(media) && media.schema !== undefined ? `${place}/content/${escaped(type)}/schema` : 'any' }
  })
}

/** Where a pointer really leads, with every `$ref` on the way followed: ajv follows them in schemas only. Undefined: nowhere. */
export function settled(document: Json, pointer: string): string | undefined {
  let path = ''
  let node: unknown = document
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (isRecord(node) && typeof node.$ref === 'string') {
      path = node.$ref.replace(/^#/, '')
      node = resolver(document)(node)
    }
    node = isRecord(node) ? node[name] : Array.isArray(node) ? node[Number(name)] : undefined
    if (node === undefined) return undefined
    path = `${path}/${part}`
  }
  return path
}
