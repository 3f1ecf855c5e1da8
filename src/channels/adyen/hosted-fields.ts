/**
 * The sandbox's stand-in for what Adyen's own fields do in the browser: a value that nobody between the browser and the simulator can take for
 * a card number. Real fields encrypt to Adyen's key; this hides, no more, and only test cards ever go through it.
 */

const prefix = 'sandboxjs_1$'

export const hideField = (value: string): string => prefix + Buffer.from(value, 'utf8').toString('base64url')

/** What was hidden; undefined where it is nothing of ours. */
export const showField = (hidden: string): string | undefined =>
  hidden.startsWith(prefix) ? Buffer.from(hidden.slice(prefix.length), 'base64url').toString('utf8') : undefined
