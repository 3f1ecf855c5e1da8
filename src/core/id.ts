/**
 * Ids are a prefix and a time-sortable body of 26 characters in Crockford's base 32 (lower case):
 *
 *     ins_ 01k9zq3v7m  7t4q  2m8x0c9d1efg
 *          10: ms      4: home  12: chance
 *
 * `ms` is 48 bits of Unix milliseconds (50 bits written), `home` 20 bits that all rows of one customer share, `chance` 60 random bits.
 * The home stands in every id so that rows can be spread over machines by customer while being found by id alone.
 */
export type IdPrefix = keyof typeof prefixes

export const prefixes = {
  ten: 'tenant',
  key: 'api key',
  apr: 'approval',
  clk: 'test clock',
  cus: 'customer',
  ins: 'instrument',
  bnd: 'binding',
  dep: 'dependent',
  fct: 'fact',
  opn: 'operation',
  evt: 'event',
  whe: 'webhook endpoint',
  dlv: 'delivery',
  inb: 'inbox entry',
  rul: 'routing rule',
  pdn: 'pre-debit notice',
  bse: 'binding session',
  ptl: 'portal link',
  dec: 'decision of a safeguard',
  chg: 'change of a safeguard',
  imp: 'import',
  exp: 'export',
  cdf: 'card file',
  rgr: 'grant to release card numbers',
  run: 'run of an account updater',
  swp: 'sweep',
  cnu: 'use of a canary',
  stl: 'settlement of something in doubt',
  dth: 'death of a binding',
  req: 'request',
  cap: 'captured card, in the vault memory only',
  dek: 'data key',
  acc: 'ledger account',
  xfr: 'ledger transfer',
} as const

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const homeFrom = 10
const homeTo = 14
/** Random bytes an id needs: 60 bits of chance and, for a new home, 20 more. */
export const idBytes = 16

/** Five bits of each byte: unbiased, since 256 is a multiple of 32. */
function letters(bytes: Uint8Array, from: number, count: number): string {
  let out = ''
  for (let i = from; i < from + count; i += 1) out += alphabet[(bytes[i] ?? 0) & 31]
  return out
}

function timeLetters(nowMs: number): string {
  let out = ''
  let rest = nowMs
  for (let i = 0; i < 10; i += 1) {
    out = (alphabet[rest % 32] ?? '0') + out
    rest = Math.floor(rest / 32)
  }
  return out
}

/** A new id. `bytes`: 16 random bytes. `near`: an id whose home it shares (a customer's own rows); without it a new home is drawn. */
export function newId(prefix: IdPrefix, nowMs: number, bytes: Uint8Array, near?: string): string {
  return `${prefix}_${timeLetters(nowMs)}${near === undefined ? letters(bytes, 12, 4) : homeOf(near)}${letters(bytes, 0, 12)}`
}

/** The four letters by which a row is placed: the same for all rows of one customer. */
export function homeOf(id: string): string {
  const body = id.slice(id.indexOf('_') + 1)
  return body.slice(homeFrom, homeTo)
}

/** A pattern for validation: `^ins_[0-9a-hjkmnp-tv-z]{26}$`. */
export function idPattern(prefix: IdPrefix): RegExp {
  return new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`)
}
