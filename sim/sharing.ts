/** Who shares what, seen without the directory that is to be checked: by the identities, and by what was typed in. */
import type { InstrumentRow } from '../src/instruments/tables.ts'
import { by, type Ledger } from './ledger.ts'
import { customersPerInstrument } from './world.ts'

/** It is somebody's, or may become so. */
const isSomebodys = ({ status }: InstrumentRow): boolean => ['pending', 'active', 'suspended', 'expired', 'blocked'].includes(status)

/** More customers than may have one fingerprint. */
export function overShared({ identities, instruments }: Ledger): readonly string[] {
  const living = new Map(instruments.filter(isSomebodys).map(row => [row.id, row]))
  const shared = by(
    identities.filter(one => living.has(one.instrument) && one.value.startsWith('ifp_')),
    one => `${one.tenant} ${one.kind} ${one.value}`,
  )
  return [...shared].flatMap(([name, owners]) => {
    const customers = new Set(owners.map(one => one.customer))
    return customers.size > customersPerInstrument ? [`${name} is ${customers.size} customers'`] : []
  })
}

/** The directory's count is not the number of instruments that are there. */
export function miscounted({ instruments, sharings }: Ledger): readonly string[] {
  const there = by(
    instruments.filter(row => isSomebodys(row) && row.sharing !== null),
    row => `${row.tenant} ${row.mode} ${row.sharing?.kind} ${row.sharing?.value}`,
  )
  const counted = new Map(sharings.map(row => [`${row.tenant} ${row.mode} ${row.kind} ${row.value}`, row.holders]))
  return [...new Set([...there.keys(), ...counted.keys()])].flatMap(name => {
    const [is, says] = [there.get(name)?.length ?? 0, counted.get(name) ?? 0]
    return is === says ? [] : [`${name}: ${is} instruments, counted ${says}`]
  })
}
