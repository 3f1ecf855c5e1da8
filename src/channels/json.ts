/** Parsed JSON before its shape is known. */
export type Json = Record<string, unknown>
export const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON of somebody else's, in which a null is as good as nothing there. Undefined where it is none. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => (value === null ? undefined : value))
  } catch {
    return undefined
  }
}
