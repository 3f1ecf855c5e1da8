/** Ledger transfers in memory: decided one after the other, against the limits of both accounts. */
import type { Transfer } from './store.ts'
import type { TableLayout } from './store-layout.ts'
import { type Books, checkChecks, conflict, put } from './store-memory-work.ts'
import { compare, inKeyOrder, keyText, type MemoryRow, type Shelf, takenBy, type Undo } from './store-shelf.ts'
import { toKeep } from './store-value.ts'
import { sameTransfer } from './store-write.ts'

export type PostTask = { readonly write: number; readonly transfer: Transfer }

/** The transfer, its values checked like a row's. */
export function transferOf(table: TableLayout, transfer: Transfer): Transfer {
  for (const column of table.columns) toKeep(column, Object.entries(transfer).find(([name]) => name === column.name)?.[1])
  return transfer
}

/** The same transfer with the same content is there: nothing is left to do. */
export function isRepeated(books: Books, transfer: Transfer): boolean {
  const row = transferRow(books, transfer)
  return row !== undefined && sameTransfer(row, transfer)
}

const accountsOf = (books: Books): Shelf => books.shelfOf({ name: 'accounts' })

export function accountRow(books: Books, tenant: string, id: string): MemoryRow | undefined {
  const accounts = accountsOf(books)
  return accounts.rows.get(keyText(accounts.table, { tenant, id }))
}

export function transferRow(books: Books, { tenant, id }: Transfer): Transfer | undefined {
  const transfers = books.shelfOf({ name: 'transfers' })
  const row = transfers.rows.get(keyText(transfers.table, { tenant, id }))
  return row === undefined ? undefined : transferFrom(row)
}

function transferFrom(row: MemoryRow): Transfer {
  return {
    tenant: String(row.tenant),
    id: String(row.id),
    debit: String(row.debit),
    credit: String(row.credit),
    amount: BigInt(String(row.amount)),
    currency: String(row.currency),
    reference: String(row.reference),
    created_at: Number(row.created_at),
  }
}

export function postAll(books: Books, undo: Undo[], posts: readonly PostTask[]): void {
  const transfers = books.shelfOf({ name: 'transfers' })
  for (const { transfer } of posts) {
    for (const account of [transfer.debit, transfer.credit]) if (accountRow(books, transfer.tenant, account) === undefined) throw conflict
  }
  const rows = posts.map(({ transfer }): MemoryRow => Object.freeze({ ...transfer })).sort(inKeyOrder(transfers.table))
  let whole = true
  for (const row of rows) {
    checkChecks(transfers, row)
    if (takenBy(transfers, row, undefined) === undefined) put(undo, transfers, undefined, row)
    else whole = false
  }
  if (!whole) throw conflict
  for (const { transfer } of posts) {
    moveMoney(books, undo, transfer, transfer.debit, 'debits_posted')
    moveMoney(books, undo, transfer, transfer.credit, 'credits_posted')
  }
}

function moveMoney(books: Books, undo: Undo[], transfer: Transfer, account: string, side: 'debits_posted' | 'credits_posted'): void {
  const before = accountRow(books, transfer.tenant, account)
  if (before === undefined || before.currency !== transfer.currency) throw conflict
  const after = { ...before, [side]: BigInt(String(before[side])) + transfer.amount, version: Number(before.version) + 1 }
  if (limitsBroken(after).length > 0) throw conflict
  put(undo, accountsOf(books), before, Object.freeze(after))
}

/** The limits that an account's balances do not keep. */
export function limitsBroken(account: MemoryRow): readonly string[] {
  const more = compare(account.credits_posted, account.debits_posted)
  return [
    ...(account.limit_debits === true && more < 0 ? ['accounts_debits_limit'] : []),
    ...(account.limit_credits === true && more > 0 ? ['accounts_credits_limit'] : []),
  ]
}
