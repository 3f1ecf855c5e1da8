/** Days and months of a calendar without zones: UTC. Days are `YYYY-MM-DD`, moments Unix milliseconds. */
import { dayMs } from './rails.ts'

/** The first moment of a day. */
export const startOf = (day: string): number => Date.parse(`${day}T00:00:00Z`)
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7)
/** The moment at which its day began. */
export const dayFloor = (at: number): number => Math.floor(at / dayMs) * dayMs

/** So many months later, at the same time of the day; from a 31st to the last day of a month that has none. */
export function addMonths(at: number, months: number): number {
  const from = new Date(at)
  const [year, month] = [from.getUTCFullYear(), from.getUTCMonth() + months]
  const day = Math.min(from.getUTCDate(), daysOfMonth(year, month))
  return Date.UTC(year, month, day) + (at - dayFloor(at))
}

/** `month` counts from 0 and may lie outside the year. */
const daysOfMonth = (year: number, month: number): number => new Date(Date.UTC(year, month + 1, 0)).getUTCDate()

/** The day of its month, and of its week (Monday 1). */
export const dayOfMonth = (at: number): number => new Date(at).getUTCDate()
export const dayOfWeek = (at: number): number => ((new Date(at).getUTCDay() + 6) % 7) + 1
export const lastDayOfMonth = (at: number): number => daysOfMonth(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth())
