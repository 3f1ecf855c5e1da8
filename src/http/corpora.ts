/**
 * Bad input, collected: numbers, card numbers, texts, JSON and URLs that have broken somebody. For tests; `feed.ts` sends every row to
 * every field. A row of `texts` says which kinds of field must refuse it; all others are refused by every field they are sent to.
 */

/** What a field takes, which decides what it must refuse. */
export type FieldKind =
  | 'name'
  | 'metadata'
  | 'reference'
  | 'amount'
  | 'currency'
  | 'url'
  | 'ip'
  | 'userAgent'
  | 'timestamp'
  | 'id'
  | 'month'
  /** A whole number to some hundreds. */
  | 'count'

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Numbers as strings: none is a string of digits for minor units. Full-width and Arabic digits among them. */
export const numberTexts: readonly string[] = [
  ...words(`
  -0 1e21 1e3 1E3 0.1 0.30000000000000004 9007199254740991.5 9223372036854775807 9223372036854775808 -9223372036854775808
  18446744073709551616 -1 +1 00 01 1.00 12.345 1.5 1,000 1_000 0x10 0b1 0o7 NaN Infinity -Infinity null true １２ ０１２ ٠١٢ १२ 𝟏𝟐 ½ Ⅻ
  ١٫٥ 1n - . 1. .5 1e --1 1€ 0000000000000000000000001
`),
  '1 000',
  ' 1',
  '1 ',
  '1\n',
  '',
  ' ',
  '1'.repeat(19),
  '1'.repeat(400),
  '$1',
]

/** JSON number tokens where a string of digits belongs, or a whole number from 1 to 12. */
export const numberTokens: readonly string[] = [
  ...words(`
  -0 -0.0 0 -1 1e21 1e3 1E-7 0.1 0.30000000000000004 13 9007199254740991 9007199254740993 9223372036854775807 9223372036854775808
  18446744073709551616 1e400 -1e400 1e-400 123456789012345678901234567890 1.0000000000000000001
`),
  '1'.repeat(400),
]
/** Not numbers, not JSON. */
export const brokenTokens: readonly string[] = [
  'NaN',
  'Infinity',
  '+1',
  '01',
  '.5',
  '1.',
  '0x10',
  '1_000',
  '１２',
  "'1'",
  'undefined',
  '1n',
]

/** Completes digits by their check digit (Luhn, ISO/IEC 7812-1 annex B). */
function withCheckDigit(digits: string): string {
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 1 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9
  }
  return digits + String((10 - (sum % 10)) % 10)
}

/** One number or more of each scheme's published test ranges, 13 to 19 digits. */
export const cardNumbers: readonly string[] = [
  ...words(`
  4111111111111111 4012888888881881 4242424242424242 4222222222222 5555555555554444 5105105105105100 2223003122003222
  2720990000000007 378282246310005 371449635398431 6011111111111117 6011000990139424 30569309025904 38520000023237
  3530111333300000 3566002020360505 6200000000000005 6759649826438453 5019717010103742 6304000000000000
`),
  withCheckDigit('400000000000000000'),
  withCheckDigit('220000000000000'),
  withCheckDigit('652100000000000'),
  withCheckDigit('979200000000000'),
  withCheckDigit('627780000000000'),
  withCheckDigit('606282000000000'),
  withCheckDigit('506099000000000'),
]

/** Digits that fail the check digit by one either way: not card numbers, and not refused for that. */
export const nearMisses: readonly string[] = cardNumbers.map(number => number.slice(0, -1) + String((Number(number.at(-1)) + 1) % 10))

const grouped = (number: string, separator: string): string => (number.match(/.{1,4}/g) ?? []).join(separator)
const shifted = (number: string, zero: number): string => number.replace(/\d/g, digit => String.fromCodePoint(zero + Number(digit)))

/** The ways people write or leak a number, in text. */
export function spellings(number: string): readonly string[] {
  return [
    number,
    ...[' ', '-', '\u00a0', '.', '\u2009', '\u202f', '\u2010', ' - '].filter(one => one.length < 3).map(one => grouped(number, one)),
    `please use ${number} for this`,
    `card:${number}`,
    `${number}, exp 12/29`,
    `(${grouped(number, ' ')})`,
    `"${number}"`,
    `${number}\n`,
    `\t${number}`,
    shifted(number, 0xff10),
    shifted(number, 0x660),
    `%B${number}^DOE/JANE^29121010000000000?`,
    `;${number}=29121010000000000?`,
    `${number}.pdf`,
    `https://shop.example.com/?pan=${number}`,
    `{"number":"${number}"}`,
    `<pan>${number}</pan>`,
    `number=${number}&cvc=123`,
  ]
}

/** Hidden on purpose: not looked for, but neither told nor logged where the request is refused. */
export function hiddenSpellings(number: string): readonly string[] {
  const bytes = Buffer.from(number)
  return [
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    `5A08${number}5F24032912315F3401`,
    [...number].reverse().join(''),
  ]
}

export type TextRow = { readonly what: string; readonly text: string; readonly refusedBy: readonly FieldKind[] }
const strict: readonly FieldKind[] = ['reference', 'amount', 'currency', 'url', 'ip', 'timestamp', 'id', 'month', 'count']
const people: readonly FieldKind[] = ['name', 'metadata', 'userAgent', ...strict]
const names: readonly FieldKind[] = ['name', ...strict]
const row = (refusedBy: readonly FieldKind[], what: string, ...texts: readonly string[]): TextRow[] =>
  texts.map(text => ({ what, text, refusedBy }))

/** After the Big List of Naughty Strings (M. Woolf, MIT licence), and what is not in it. */
export const texts: readonly TextRow[] = [
  ...row(people, 'U+0000', '\0', 'a\0b', 'a\0'),
  ...row(people, 'lone surrogate', '\ud800', 'a\udfff', '\udc00\ud800'),
  ...row(people, 'direction override', '\u202eabc', 'a\u202db', '\u2066a\u2069', '\u200fa', '\u061ca'),
  ...row(people, 'zero width', 'a\u200bb', '\u2060', '\ufeffa', '\u2028', '\u2029'),
  ...row(
    people,
    'control characters',
    'a\u0007',
    '\u001b[31mred\u001b[0m',
    '\u001b]0;title\u0007',
    '\u0085',
    '\u009b31m',
    'a\u007f',
    '\t',
    'a\rb',
    'a\nb',
    '\u0001\u0002',
  ),
  ...row(people, 'header injection', 'a\r\nSet-Cookie: x=1', 'a\r\n\r\n<html>', '%0d%0a\r\n'),
  ...row(people, 'noncharacters', '\ufffe', '\uffff', '\ufff9a\ufffb'),
  ...row(people, 'very long', 'a'.repeat(5000), '😀'.repeat(3000), 'é'.repeat(5000), ' '.repeat(5000)),
  ...row(names, 'formula', '=1+1', "=cmd|' /C calc'!A0", '+1+1', '-1+1', '@SUM(1)', ' =1+1'),
  ...row(
    strict,
    'markup',
    '<script>alert(1)</script>',
    '"><svg onload=alert(1)>',
    "' onmouseover='x",
    '<!--#exec cmd="/bin/ls /"-->',
    '&lt;',
    ']]>',
  ),
  ...row(strict, 'SQL', "1' OR '1'='1", "'; drop table tenants; --", '1; select pg_sleep(10)', '%', "\\'; --", '$1', "E'\\\\x'"),
  ...row(
    strict,
    'templates',
    '\u0024{7*7}',
    '{{7*7}}',
    '#{7*7}',
    '%s%n%x',
    '$(id)',
    '`id`',
    '\u0024{jndi:ldap://a}',
    '%d',
    '../../etc/passwd',
    'C:\\nul',
    '~/.ssh',
  ),
  ...row(strict, 'scripts and emoji', 'Ω≈ç√∫', '田中さん', 'ﷺ', '👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮', 'ÅÍÎÏ˝ÓÔÒÚÆ☃', 'ثم نفس', '́', 'ǅ', 'ß', 'İ', 'Ⱥ'),
  ...row(strict, 'composed and decomposed', 'é', 'e\u0301', 'Å', 'A\u030a', 'ﬁ'),
  ...row(
    ['amount', 'currency', 'url', 'ip', 'timestamp', 'id', 'month', 'count'],
    'words',
    'undefined',
    'null',
    'true',
    'nil',
    'NaN',
    'None',
    'hasOwnProperty',
    'constructor',
    'toString',
    'CON',
    'COM1',
    'Scunthorpe',
    '0/0',
    '1/0',
  ),
  ...row(['name', ...strict], 'nothing', '', ' '),
]

/** Names that no object may have, or that no field has. */
export const badNames: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '__defineGetter__',
  '',
  ' ',
  '$where',
  'a.b',
  'nmae',
  '=1+1',
  'é',
  '😀',
  'a'.repeat(5000),
]

/** Addresses that are not where they seem to be, for a field that our own servers will call. */
export const urls: readonly string[] = [
  ...words(`
  http://example.com ftp://example.com file:///etc/passwd gopher://example.com javascript:alert(1) data:text/html,x //example.com
  example.com https:// https:/// https://? https:example.com https://127.0.0.1 https://127.1 https://2130706433
  https://0x7f000001 https://0x7f.1 https://017700000001 https://0177.0.0.01 https://0 https://0.0.0.0 https://[::] https://[::1]
  https://[0:0:0:0:0:0:0:1] https://[::ffff:127.0.0.1] https://[::ffff:7f00:1] https://[::127.0.0.1] https://[64:ff9b::7f00:1]
  https://[64:ff9b::169.254.169.254] https://[2002:7f00:1::] https://[2001::1] https://[fe80::1] https://[fe80::1%25eth0]
  https://[fc00::1] https://[fd00:ec2::254] https://[ff02::1] https://10.0.0.1 https://172.16.0.1 https://192.168.1.1
  https://100.64.0.1 https://169.254.169.254/latest/meta-data/ https://2852039166 https://0xa9fea9fe https://0251.0376.0251.0376
  https://169.254.169.254. https://metadata.google.internal https://metadata.goog https://localhost https://LOCALHOST
  https://localhost. https://a.localhost https://foo.local https://db.internal https://intranet https://198.18.0.1
  https://224.0.0.1 https://255.255.255.255 https://user@example.com https://user:pass@example.com https://example.com@127.0.0.1
  https://127.0.0.1#@example.com https://@example.com https://:@example.com https://example.com:22 https://example.com:0
  https://example.com:99999 https://example.com. https://example..com https://-example-.com_ https://[example.com]
  https://[127.0.0.1] https://example。com https://ｅxample.com https://①②⑦.0.0.1 https://пример.рф https://раypal.com
  https://1.1.1.1.1 https://256.1.1.1 https://127.0.0.1.nip.io:1 https://example.com/{x} https://example.com/"x"
`),
  'https://exa mple.com',
  'https://exa%6dple.com\u0000',
  'https://example.com\\@127.0.0.1',
  'https:\\\\example.com',
  'https://example.com/\r\nX: y',
  'https://exa\tmple.com',
  ' https://example.com',
  'https://example.com ',
  `https://example.com/${'a'.repeat(3000)}`,
  `https://${'a'.repeat(64)}.com`,
  `https://${'a.'.repeat(130)}com`,
]
