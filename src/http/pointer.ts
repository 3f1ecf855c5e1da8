/**
 * RFC 6901 pointers for answers. What a stranger wrote is shown only if it reads like a name: a field's name may be where someone
 * put a card number, plain or encoded, and nothing of a refused request may come back.
 */

export function pointerOf(path: readonly PropertyKey[], prefix = '/'): string {
  return prefix + path.map(one => (typeof one === 'number' ? String(one) : shownName(String(one)))).join('/')
}

/** Letters in camelCase or snake_case, at most 40 characters and four digits; anything else gets a stand-in. */
export function shownName(name: string): string {
  return nameForm.test(name) && !loneCapital.test(name) && name.replace(/[^0-9]/g, '').length <= 4 ? name : hiddenName
}
export const hiddenName = '(name not shown)'
const nameForm = /^_{0,2}[a-z][a-zA-Z0-9_.-]{0,39}$/
/** Base 64 has capitals anywhere, camelCase only before two small letters. */
const loneCapital = /[A-Z](?![a-z]{2})/
