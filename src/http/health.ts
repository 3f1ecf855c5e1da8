/** What load balancers and Prometheus ask. */
import type { World } from '../world/world.ts'
import type { Metrics } from './metrics.ts'
import type { Page, PageAnswer } from './pages.ts'
import { tenants } from './tables.ts'

/** A dependency that does not answer within this counts as down. */
const patienceMs = 2_000
const nobodysId = `_${'0'.repeat(26)}`

/** healthz: the process lives · readyz: database and vault answer, and the server is not stopping · metrics: Prometheus' text format */
export function healthPages(world: World, metrics: Metrics, draining: () => boolean): readonly Page[] {
  return [
    { path: '/healthz', answer: () => json(200, { status: 'alive' }) },
    { path: '/readyz', answer: () => ready(world, draining()) },
    {
      path: '/metrics',
      answer: async () => ({ status: 200, contentType: metrics.registry.contentType, body: await metrics.registry.metrics() }),
    },
  ]
}

const json = (status: number, body: unknown): PageAnswer => ({ status, contentType: 'application/json', body: JSON.stringify(body) })

async function ready(world: World, draining: boolean): Promise<PageAnswer> {
  if (draining) return json(503, { status: 'stopping' })
  const [database, vault] = await Promise.all([
    answers(world, world.store.get(tenants, { id: `ten${nobodysId}` })),
    answers(world, world.vault.peek({ tenant: `ten${nobodysId}`, mode: 'test', reference: `cap${nobodysId}` })),
  ])
  const isReady = database && vault
  return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', database: state(database), vault: state(vault) })
}

const state = (up: boolean): string => (up ? 'up' : 'down')

/** Whether it answers at all, whatever it says, in time. */
function answers(world: World, asked: Promise<unknown>): Promise<boolean> {
  return Promise.race([asked.then(() => true).catch(() => false), world.sleep(patienceMs).then(() => false)])
}
