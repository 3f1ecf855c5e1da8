/**
 * What must never be found in a database, each as a question over its real tables. A question goes through one table in pages, so that each
 * statement reads a bounded number of rows and sees them all at one moment; what it finds are rows that no code of ours should have been able to
 * write. Nothing is changed: what is right is for a person to see.
 */

/** `bindery`: read as `bindery_watcher`. `vault`: in the vault's schema, which the server's roles cannot see: asked by the vault itself. */
export type Book = 'bindery' | 'vault'

/** The table that is gone through, by its primary key of texts. `since`: the column that says when a row last came or changed. */
export type Walk = { readonly table: string; readonly key: readonly string[]; readonly since: string | undefined }

export type Invariant = {
  /** As the reference numbers them; several questions may ask about one. */
  readonly id: string
  /** This question's own name. */
  readonly name: string
  readonly book: Book
  /** What must never happen, in one sentence. */
  readonly never: string
  /** Null: one statement over everything, for what cannot be seen in a part. */
  readonly walk: Walk | null
  /**
   * What is wrong: rows with `tenant`, `mode` (both may be null), `subject` (an id) and the columns of `shows`. It may use `page`, the rows of
   * the table that is gone through, and `given`, the row of what is known beside the tables.
   */
  readonly found: string
  /** The columns that are shown beside the subject: ids, states and times, never what is secret or personal. */
  readonly shows: readonly string[]
}

/** What a question knows beside the tables. */
export type Given = {
  /** Unix milliseconds. */
  readonly now: number
  /** By how much two looks at clocks may differ, in ms. */
  readonly skewMs: number
  /** How late a worker may come to what is due, in ms. */
  readonly lateMs: number
  /** How many customers may have one card, where a tenant has no limit of its own. */
  readonly customersMax: number
  /** Only rows that came or changed since then. */
  readonly since?: number | undefined
  /** What the tables of the code say, for questions that compare rows with them. */
  readonly known?: Readonly<Record<string, unknown>>
}

/** A row that must not be there. */
export type Finding = {
  readonly tenant: string | null
  readonly mode: string | null
  readonly subject: string
  readonly shown: Readonly<Record<string, unknown>>
}

/** Findings that are shown of one page, and of one question. There may be more: they are counted. */
export const shownMax = 20
/** Rows of the table that is gone through, of one page. */
export const pageRows = 2_000

/** As the reference numbers them. */
export const inOrder = (of: readonly Invariant[]): readonly Invariant[] =>
  of.toSorted((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))
