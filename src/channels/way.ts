/** Whether a channel takes what is to be bound: read from the ways it declares, decided nowhere else. */
import type { Channel, MandateTerms, Source, Way } from './channel.ts'
import { kindOfSource, type Shape } from './source.ts'

export type Wish = { readonly source: Source; readonly terms: MandateTerms | undefined }

/** Why not, in words for the caller; undefined: it does. */
export function unfit(channel: Channel, { source, terms }: Wish): string | undefined {
  if (channel.bind === undefined) return 'cannot bind'
  const kind = kindOfSource[source.type]
  const ofKind = channel.ways.filter(way => way.kind === kind)
  if (ofKind.length === 0) return `takes no ${kind}`
  const ofShape = ofKind.filter(way => fitsShape(way, source))
  if (ofShape.length === 0) return `does not take a ${kind} that way`
  const scheme = schemeOf(source)
  const ofScheme = ofShape.filter(way => way.scheme === undefined || scheme === undefined || way.scheme === scheme)
  if (ofScheme.length === 0) return `does not take ${scheme}`
  const country = countryOf(source)
  if (!ofScheme.some(way => country === '' || way.countries === undefined || way.countries.includes(country)))
    return `does not take it from ${country}`
  if (terms !== undefined && !channel.currencies.has(terms.currency)) return `does not know ${terms.currency}`
  return undefined
}

/** Of a card the number decides nothing about the shape: the issuer may ask for more. What the channel's own fields encrypted is apart. */
function fitsShape(way: Way, source: Source): boolean {
  if (source.type === 'encrypted_card') return way.shape === 'hosted_fields'
  if (source.type === 'card') return way.shape !== 'hosted_fields'
  const wanted = shapeWanted(source)
  return wanted === undefined || way.shape === wanted
}

function shapeWanted(source: Source): Shape | undefined {
  if (source.type === 'wallet' || source.type === 'instant_mandate') return source.by
  if (source.type === 'bank_account' && source.verify === 'micro_deposits') return 'micro_deposits'
  return undefined
}

/** The brand, debit scheme or rail, as ways name it. */
export function schemeOf(source: Source): string | undefined {
  if (source.type === 'bank_account') return source.scheme
  if (source.type === 'wallet') return source.brand
  if (source.type === 'instant_mandate') return source.rail
  return source.type === 'device_token' ? source.wallet : undefined
}

export const countryOf = (source: Source): string => ('payer' in source ? source.payer.country : '')
