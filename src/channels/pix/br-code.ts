/**
 * The BR Code: what a Pix QR code holds, and what is pasted as `copia e cola`. EMV QRCPS: fields of two digits' id, two digits' length and
 * value, a CRC over all of it at the end (Manual de Padrões para Iniciação do Pix, Central Bank of Brazil; EMVCo QRCPS 1.1).
 */

/** Globally unique identifier of Pix, field 00 of each of its templates. */
const pix = 'br.gov.bcb.pix'

const field = (id: string, value: string): string => `${id}${String(value.length).padStart(2, '0')}${value}`

/**
 * A code of journey 2: the recurrence alone, nothing to pay. Its location stands in template 80, as in the example `recResponse3` of the
 * specification (API Pix 2.9.0). `location`: host and path, without a scheme.
 */
export function recurrenceCode(of: { readonly location: string; readonly merchantName: string; readonly merchantCity: string }): string {
  const fields = [
    field('00', '01'),
    field('26', field('00', pix)),
    field('52', '0000'),
    field('53', '986'),
    field('58', 'BR'),
    field('59', of.merchantName.slice(0, 25)),
    field('60', of.merchantCity.slice(0, 15)),
    field('62', field('05', '***')),
    field('80', field('00', pix) + field('25', of.location)),
  ]
  const body = `${fields.join('')}6304`
  return body + checksum(body)
}

/** The recurrence's location in a code; undefined where the code is no whole BR Code or holds none. */
export function locationOf(code: string): string | undefined {
  if (!/6304[0-9A-F]{4}$/.test(code) || checksum(code.slice(0, -4)) !== code.slice(-4)) return undefined
  const fields = read(code)
  for (const [id, value] of fields ?? []) {
    // 80 to 99: templates that EMVCo leaves to others.
    if (Number(id) < 80) continue
    const inner = new Map(read(value) ?? [])
    if (inner.get('00')?.toLowerCase() === pix && inner.has('25')) return inner.get('25')
  }
  return undefined
}

function read(text: string): readonly (readonly [id: string, value: string])[] | undefined {
  const out: [string, string][] = []
  let at = 0
  while (at < text.length) {
    const head = /^(\d{2})(\d{2})/.exec(text.slice(at, at + 4))
    const length = Number(head?.[2])
    const value = text.slice(at + 4, at + 4 + length)
    if (head?.[1] === undefined || value.length !== length) return undefined
    out.push([head[1], value])
    at += 4 + length
  }
  return out
}

/** CRC-16/CCITT-FALSE (ISO/IEC 13239: polynomial 0x1021, start 0xFFFF) over UTF-8, as four hexadecimal digits. */
export function checksum(text: string): string {
  let crc = 0xffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff
  }
  return crc.toString(16).toUpperCase().padStart(4, '0')
}
