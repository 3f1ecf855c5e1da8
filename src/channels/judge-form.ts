/**
 * Form bodies and query strings with brackets (`card[number]=…`, `expand[]=…`, `items[0][price]=…`), decoded to the types their
 * schema asks for. What does not fit stays a string, so that the judge names it.
 */
import { isRecord, type Json } from './json.ts'

export type Pairs = readonly (readonly [name: string, value: string])[]
export type Resolve = (schema: unknown) => unknown

/** `faults`: names whose brackets do not close or that are both a value and an object. */
export function decodeForm(
  text: string,
  schema: unknown,
  resolve: Resolve,
): { readonly value: unknown; readonly faults: readonly string[] } {
  const { tree, faults } = nest([...new URLSearchParams(text)])
  return { value: shape(tree, [schema], resolve), faults }
}

/** Names to a tree of objects; lists are still objects with the keys `0`, `1`, … */
export function nest(pairs: Pairs): { readonly tree: Json; readonly faults: readonly string[] } {
  const tree: Json = Object.create(null)
  const faults: string[] = []
  for (const [name, value] of pairs) {
    const keys = split(name)
    if (keys === undefined || !put(tree, keys, value)) faults.push(name)
  }
  return { tree, faults }
}

function split(name: string): readonly string[] | undefined {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name)
  if (match === null) return undefined
  return [match[1] ?? '', ...[...(match[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map(one => one[1] ?? '')]
}

function put(tree: Json, keys: readonly string[], value: string): boolean {
  let at = tree
  for (const [index, key] of keys.entries()) {
    const name = key === '' ? String(Object.keys(at).length) : key
    const last = index === keys.length - 1
    const there = at[name]
    if (last) {
      if (there !== undefined) return false
      at[name] = value
      return true
    }
    if (there === undefined) {
      const next: Json = Object.create(null)
      at[name] = next
      at = next
    } else if (isRecord(there)) at = there
    else return false
  }
  return false
}

/** The value in the types of the first branch that can hold it. */
function shape(value: unknown, schemas: readonly unknown[], resolve: Resolve): unknown {
  const branches = schemas.flatMap(one => unfold(one, resolve))
  if (typeof value === 'string') return scalar(value, branches)
  if (!isRecord(value)) return value
  const keys = Object.keys(value)
  const isArray = branches.some(one => hasType(one, 'array')) && keys.every((key, index) => key === String(index))
  if (isArray) {
    const items = branches.filter(one => 'items' in one).map(one => one.items)
    return keys.map(key => shape(value[key], items, resolve))
  }
  const out: Json = {}
  for (const key of keys) {
    const known = branches.flatMap(one => (isRecord(one.properties) && key in one.properties ? [one.properties[key]] : []))
    const other = branches.flatMap(one => (isRecord(one.additionalProperties) ? [one.additionalProperties] : []))
    out[key] = shape(value[key], known.length > 0 ? known : other, resolve)
  }
  return out
}

function unfold(schema: unknown, resolve: Resolve): readonly Json[] {
  const one = resolve(schema)
  if (!isRecord(one)) return []
  const branches = [one.anyOf, one.oneOf, one.allOf].flatMap(list => (Array.isArray(list) ? list : []))
  return [one, ...branches.flatMap(branch => unfold(branch, resolve))]
}

const hasType = (schema: Json, type: string): boolean => schema.type === type || (Array.isArray(schema.type) && schema.type.includes(type))

function scalar(value: string, branches: readonly Json[]): unknown {
  if (branches.some(one => Array.isArray(one.enum) && one.enum.includes(value))) return value
  if (/^-?\d{1,15}$/.test(value) && branches.some(one => hasType(one, 'integer') || hasType(one, 'number'))) return Number(value)
  if (/^-?\d{1,15}\.\d{1,15}$/.test(value) && branches.some(one => hasType(one, 'number'))) return Number(value)
  if ((value === 'true' || value === 'false') && branches.some(one => hasType(one, 'boolean'))) return value === 'true'
  return value
}
