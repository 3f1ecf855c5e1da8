/**
 * When a card ends: with the last moment of its month (ISO/IEC 7813 gives year and month only), in the zone of its issuer. Where the issuer's
 * country has several zones, or is not known, it is the zone in which the month ends last: no card is called expired that may still work.
 */
import type { InstrumentRow } from './tables.ts'

export type Expiry = { readonly year: number; readonly month: number }

/** −1, 0, 1 as `a` ends before, with or after `b`. */
export const compareExpiry = (a: Expiry, b: Expiry): number => Math.sign(a.year - b.year || a.month - b.month)
export const laterExpiry = (a: Expiry | undefined, b: Expiry | undefined): Expiry | undefined =>
  a === undefined ? b : b === undefined || compareExpiry(a, b) >= 0 ? a : b
export const expiryText = ({ year, month }: Expiry): string => `${year}-${String(month).padStart(2, '0')}`

/** Of what may be shown of a card. */
export const expiryOf = (shown: { readonly expiryYear?: number; readonly expiryMonth?: number } | null | undefined): Expiry | undefined =>
  shown?.expiryYear === undefined || shown.expiryMonth === undefined ? undefined : { year: shown.expiryYear, month: shown.expiryMonth }

/** Whether its end was announced and has not come; an overlay, beside the status. */
export const isExpiring = ({ status, display, own }: Pick<InstrumentRow, 'status' | 'display' | 'own'>): boolean => {
  const [about, expiry] = [own.expiring, expiryOf(display)]
  return (status === 'active' || status === 'suspended') && about !== undefined && expiry !== undefined && compareExpiry(about, expiry) >= 0
}

/** The zone in which a month ends last. */
const lastZone = 'Etc/GMT+12'
const zonesKept = new Map<string, readonly string[]>()

/** Of a country (ISO 3166-1 alpha-2), by the CLDR data of the runtime. */
function zonesOf(country: string | undefined): readonly string[] {
  if (country === undefined || !/^[A-Z]{2}$/.test(country)) return [lastZone]
  const kept = zonesKept.get(country)
  if (kept !== undefined) return kept
  const zones = new Intl.Locale('und', { region: country }).getTimeZones?.() ?? []
  const found = zones.length === 0 ? [lastZone] : zones
  zonesKept.set(country, found)
  return found
}

/** The first moment, in Unix milliseconds, at which the card no longer counts. */
export function endOf({ year, month }: Expiry, country?: string): number {
  const next = month === 12 ? { year: year + 1, month: 1 } : { year, month: month + 1 }
  return Math.max(...zonesOf(country).map(zone => startOfMonth(next, zone)))
}

/** Midnight of the first day by that zone's clock: the offset may itself change near it, so it is found in two steps. */
function startOfMonth({ year, month }: Expiry, zone: string): number {
  const wall = Date.UTC(year, month - 1, 1)
  const first = wall - offsetAt(wall, zone)
  return wall - offsetAt(first, zone)
}

const formats = new Map<string, Intl.DateTimeFormat>()
/** Milliseconds that the zone's clocks are ahead of UTC at this moment. */
function offsetAt(at: number, zone: string): number {
  const kept = formats.get(zone)
  const format = kept ?? new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  if (kept === undefined) formats.set(zone, format)
  const name = format.formatToParts(at).find(one => one.type === 'timeZoneName')?.value ?? 'GMT'
  const [, sign, hours = '0', minutes = '0'] = /^GMT(?:([+-])(\d{2}):(\d{2}))?$/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}
