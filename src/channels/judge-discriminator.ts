/**
 * Discriminators without `oneOf` (Checkout.com, CAMARA): the document says "by `type` it is one of these", and the base alone would take
 * `{"type":"token","token":"bad"}`. The translated base sends each value on to the schema its mapping names. Those schemas include the base
 * by `allOf`; there they get a plain copy of it, or the two would call each other for ever.
 */
import { isRecord, type Json } from './json.ts'

/** By the name of the base: its property, and by value the `$ref` of what it then is. */
export type Discriminator = { readonly property: string; readonly mapping: ReadonlyMap<string, string> }
export type Bases = ReadonlyMap<string, Discriminator>

const home = '#/components/schemas/'

/**
 * Undefined without a discriminator, or where `oneOf` or `anyOf` already choose. A mapping that is missing cannot be followed. Checkout.com's
 * mapping names files (`01_CardTokenRequest`), the document's schemas are called the same without the number they were sorted by.
 */
export function discriminatorOf(schema: unknown, schemas: Json): Discriminator | 'unmapped' | undefined {
  if (!isRecord(schema) || !isRecord(schema.discriminator) || schema.oneOf !== undefined || schema.anyOf !== undefined) return undefined
  const { propertyName, mapping } = schema.discriminator
  if (typeof propertyName !== 'string' || !isRecord(mapping)) return 'unmapped'
  const targets = Object.entries(mapping).map(([value, to]) => {
    const name = String(to).startsWith(home) ? String(to).slice(home.length) : String(to)
    return [value, `${home}${name in schemas ? name : name.replace(/^\d+_/, '')}`] as const
  })
  return { property: propertyName, mapping: new Map(targets) }
}

export function basesOf(schemas: Json): Bases {
  const out = new Map<string, Discriminator>()
  for (const [name, schema] of Object.entries(schemas)) {
    const found = discriminatorOf(schema, schemas)
    if (found !== undefined && found !== 'unmapped') out.set(name, found)
  }
  return out
}

export const plainName = (base: string): string => `${base}--plain`

/** Where a branch of `owner` is to lead: to the plain copy, if it names the base that sends values on to `owner`. */
export function plainIfOwn(ref: string, owner: string | undefined, bases: Bases): string {
  if (owner === undefined || !ref.startsWith(home)) return ref
  const base = ref.slice(home.length)
  const targets = bases.get(base)?.mapping.values() ?? []
  return [...targets].includes(`${home}${owner}`) ? `${home}${plainName(base)}` : ref
}

/** A base may be among its own targets, and is then itself. */
export const isSelf = (ref: string, owner: string | undefined): boolean => owner !== undefined && ref === `${home}${owner}`

/** For each value: not of this value, or as its schema says. And no value that is not listed. */
export function branchesOf({ property, mapping }: Discriminator, isEnd: (ref: string) => boolean): readonly Json[] {
  const is = (value: Json) => ({ required: [property], properties: { [property]: value } })
  const known = { properties: { [property]: { enum: [...mapping.keys()] } } }
  const branches = [...mapping]
    .filter(([, to]) => !isEnd(to))
    .map(([value, $ref]) => ({ anyOf: [{ not: is({ const: value }) }, { $ref }] }))
  return [known, ...branches]
}
