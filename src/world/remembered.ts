/** Small texts that a channel wants again, kept by this process: a certificate by its address. The oldest goes when there are too many. */
import type { Remembered } from '../channels/channel.ts'

const textsMax = 64

export function createRemembered(): Remembered {
  const texts = new Map<string, string>()
  return {
    get: name => texts.get(name),
    set(name, text) {
      texts.delete(name)
      texts.set(name, text)
      const [oldest] = texts.keys()
      if (texts.size > textsMax && oldest !== undefined) texts.delete(oldest)
    },
  }
}
