/**
 * Placeholders are the adapter's alone. What a caller or a browser wrote goes into the same bodies, and must never look like one: in a form
 * the braces are encoded, in JSON they would stand as they are.
 */
import type { BindInput } from './channel.ts'

/** Whether a text opens a placeholder; the API refuses such texts by field. */
export const opensPlaceholder = (text: string): boolean => text.includes('{{')

const apart = (text: string): string => text.replace(/\{(?=\{)/g, '{ ')

/** The same input with every text that somebody else wrote kept from opening one: whoever stands behind the API's refusal is safe as well. */
export function unfillable(input: BindInput): BindInput {
  const { terms, client, source } = input
  return {
    ...input,
    terms: terms && { ...terms, contract: apart(terms.contract), description: apart(terms.description) },
    client: client.userAgent === undefined ? client : { ...client, userAgent: apart(client.userAgent) },
    source: source.type === 'wallet' ? { ...source, brand: apart(source.brand) } : source,
  }
}
