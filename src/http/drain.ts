/** How a server ends: it takes nothing new, lets what is running finish for a while, then closes. */
import type { FastifyInstance } from 'fastify'
import type { World } from '../world/world.ts'
import type { Limits } from './limits.ts'

type Draining = {
  readonly state: { draining: boolean; readonly running: number }
  readonly world: Pick<World, 'now' | 'sleep'>
  readonly limits: Pick<Limits, 'drainTimeoutMs'>
}

export async function drain(app: FastifyInstance, house: Draining): Promise<void> {
  house.state.draining = true
  const until = house.world.now() + house.limits.drainTimeoutMs
  const closed = app.close()
  while (house.state.running > 0 && house.world.now() < until) await house.world.sleep(20)
  app.server.closeAllConnections()
  await closed
}
