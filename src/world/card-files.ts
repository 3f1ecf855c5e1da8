/** The vault's part in moving card numbers: files that only two vaults can read, and nothing of them outside but names, last four and counts. */
import type { Captured, CardOwner, Mode } from './world.ts'

type Whose = { readonly tenant: string; readonly mode: Mode }
type OfFile = Whose & { readonly file: string }

export type CardFileState = {
  readonly id: string
  /** In PEM: what the sender encrypts for. */
  readonly certificate: string
  readonly parts: number
  readonly cards: number
  readonly complete: boolean
  readonly createdAt: number
  readonly expiresAt: number
}
/** `line` from 1, 0: the file as a whole; never what stands there. */
export type CardFault = { readonly line: number; readonly field: string; readonly detail: string }

export type ToSealAs = {
  readonly card: string
  readonly instrument: string
  readonly instrumentVersion: number
  readonly operation: string
}
/** `other`: another number is sealed there. `missing`: the file has no card of that name (any more). */
export type SealedAs = 'sealed' | 'other' | 'missing'

export interface CardFileDesk {
  /** Makes the key of a transfer. `sender`: whose signature is expected, a certificate in PEM. Undefined: it is none. */
  begin(input: OfFile & { readonly sender: string }): Promise<CardFileState | undefined>
  /** Undefined: there is none, or it has been forgotten. */
  show(input: OfFile): Promise<CardFileState | undefined>
  /** Takes a part, all of it or nothing. `content`: in base64. */
  take(
    input: OfFile & { readonly part: number; readonly content: string },
  ): Promise<
    | { readonly kind: 'taken'; readonly cards: number; readonly file: CardFileState }
    | { readonly kind: 'refused'; readonly faults: readonly CardFault[] }
  >
  /** Removes the key, and every card of the file that became no instrument's. False: there was nothing. */
  forget(input: OfFile): Promise<boolean>
  /** What these cards are, in the order they were asked for. */
  peek(input: OfFile & { readonly cards: readonly string[] }): Promise<readonly (Captured | undefined)[]>
  /** Seals them for good under these instruments. The same words again get the same answer. */
  sealAs(input: OfFile & { readonly wanted: readonly ToSealAs[] }): Promise<readonly SealedAs[]>
  /** The certificate under which files of this tenant are signed, in PEM. */
  senderCertificate(input: Whose): Promise<string>
  /** One part of a file for another vault, in base64. `left`: names under which no card is sealed. Only within a grant of the vault's own. */
  write(
    input: Whose & {
      readonly grant: string
      readonly certificate: string
      readonly file: string
      readonly part: number
      readonly last: boolean
      readonly cards: readonly (Pick<CardOwner, 'instrument' | 'instrumentVersion'> & { readonly card: string })[]
    },
  ): Promise<
    | { readonly kind: 'written'; readonly content: string; readonly cards: number; readonly left: readonly string[] }
    | { readonly kind: 'refused'; readonly field: 'grant' | 'certificate' | 'part'; readonly detail: string }
  >
}

/** Where there is none: every verb does the same. */
export const noCardFiles = (act: () => Promise<never>): CardFileDesk => ({
  begin: act,
  show: act,
  take: act,
  forget: act,
  peek: act,
  sealAs: act,
  senderCertificate: act,
  write: act,
})
