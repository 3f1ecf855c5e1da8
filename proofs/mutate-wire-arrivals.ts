/**
 * What a simulator cannot notice by its nature: who the customer is and where they sit. No channel answers otherwise for another user agent
 * or street. So these inputs are followed instead: each arrives at the channel in a field whose own name says what it is, and an input that
 * arrives less often, or under a name that means nothing, has been noticed. Everything else (references, keys, amounts, types, flags) is not
 * on this list on purpose: specification, simulator or adapter must notice it by themselves.
 */
import type { BindInput, ChannelRequest } from '../src/channels/channel.ts'
import { kindOfRequest, leavesOf } from './mutate-wire-fields.ts'

/** `name`: what the last part of the field's name is like, in the languages of the channels (Pix speaks Portuguese). */
type Witness = { readonly input: string; readonly value: string; readonly whole: boolean; readonly name: RegExp }

const placeholders: readonly (readonly [placeholder: string, name: RegExp])[] = [
  ['card.holder', /name|holder/i],
  ['payer.name', /name|nome|holder/i],
  ['payer.email', /mail/i],
  ['payer.line1', /line|street|address|logradouro/i],
  ['payer.city', /city|cidade/i],
  ['payer.postalCode', /postal|zip|cep/i],
]

export function witnessesOf(input: BindInput): readonly Witness[] {
  const { client, returnUrl, terms, source } = input
  const given = (name: string, value: string | undefined, like: RegExp, whole = true): readonly Witness[] =>
    value === undefined || value === '' ? [] : [{ input: name, value, whole, name: like }]
  return [
    ...given('ip', client.ip, /^ip|ip($|_|a)/i),
    ...given('userAgent', client.userAgent, /user_?agent/i),
    ...given('returnUrl', returnUrl, /ur[il]$|redirect|callback/i, false),
    ...given('contract', terms?.contract, /contra|reference|name|title|statement|objeto/i),
    ...given('description', terms?.description, /descri|objeto|note|reason/i),
    ...given('country', 'payer' in source ? source.payer.country : undefined, /country|region/i),
    ...placeholders.map(([name, like]) => ({ input: name, value: `{{${name}}}`, whole: false, name: like })),
  ]
}

/** Which input arrived in which kind of request, and how often. */
export function arrivals(sent: readonly ChannelRequest[], witnesses: readonly Witness[]): readonly string[] {
  return sent.flatMap(request =>
    leavesOf(request).flatMap(leaf =>
      witnesses
        .filter(one => (one.whole ? leaf.value === one.value : leaf.value.includes(one.value)) && one.name.test(lastName(leaf.name)))
        .map(one => `${kindOfRequest(request)} ${one.input}`),
    ),
  )
}

const lastName = (name: string): string =>
  name
    .split(/[/[\]]/)
    .filter(part => part !== '' && !/^\d+$/.test(part))
    .at(-1) ?? ''
