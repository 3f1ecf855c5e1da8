/** The vault as memory.test.ts looks at it from outside: real HTTP, a clock that can be put forward, garbage collected on demand. */
import { createSecretKey, randomFillSync } from 'node:crypto'
import { z } from 'zod'
import { createMemoryStore } from '../world/memory.ts'
import { createDoor } from './door.ts'
import { createRandomPool } from './pool.ts'
import { keyRoot } from './root.ts'
import { vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const command = z.discriminatedUnion('do', [
  z.object({ do: z.literal('adopt'), what: z.string(), references: z.array(z.string()) }),
  z.object({ do: z.literal('forward'), what: z.string(), count: z.number() }),
  z.object({ do: z.literal('advance'), ms: z.number() }),
])
let aheadMs = 0
const now = () => Date.now() + aheadMs
const random = createRandomPool(buffer => randomFillSync(buffer))
const vault = createVault({
  now,
  random,
  store: createMemoryStore(vaultTables),
  root: keyRoot('file', createSecretKey(random(32)), random),
  send: async () => ({ status: 200, headers: {}, body: Buffer.from('{}') }),
  origins: new Set(['https://api.channel.example']),
  allowLoopback: false,
})
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const grantKey = Buffer.from(process.env.GRANT_KEY ?? '', 'hex')
const door = createDoor({ vault, grantKey, publicUrl: 'https://pay.example', log: silent, now, random })
const scope = { tenant: 'ten_1', mode: 'test' } as const
const ownerOf = (what: string, index: number) => ({
  ...scope,
  instrument: `ins_${what}_${index}`,
  instrumentVersion: 1,
  operation: `opn_${index}`,
})

async function obey(message: unknown): Promise<void> {
  const told = command.parse(message)
  if (told.do === 'adopt') {
    const cards = await Promise.all(told.references.map((reference, index) => vault.adopt({ ...ownerOf(told.what, index), reference })))
    if (cards.includes(undefined)) throw new Error('a capture was not adopted')
  } else if (told.do === 'forward') {
    const headers = { 'content-type': 'application/json' }
    const request = {
      method: 'POST',
      url: 'https://api.channel.example/',
      headers,
      body: `{"n":"{{${told.what}}}"}`,
      placeholders: true,
    } as const
    for (let index = 0; index < told.count; index += 1) await vault.forward({ ...ownerOf(told.what, index), timeoutMs: 1000, request })
  } else {
    aheadMs += told.ms
    vault.forgetLapsed()
    for (let i = 0; i < 3; i += 1) globalThis.gc?.()
  }
  process.send?.({ done: true })
}

process.on('message', message => void obey(message))
process.on('disconnect', () => process.exit(0))
door.listen(0, '127.0.0.1', () => {
  const address = door.address()
  process.send?.({ port: address !== null && typeof address === 'object' ? address.port : 0 })
})
