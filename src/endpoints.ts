/** The list of every endpoint. */
import type { Pool } from 'pg'
import { eventEndpoints } from './events/api.ts'
import type { EventQueries } from './events/queries.ts'
import type { Endpoint } from './http/endpoint.ts'
import { instrumentEndpoints } from './instruments/api.ts'
import { channelEndpoints } from './instruments/channelsApi.ts'
import { clockEndpoints } from './instruments/clocks.ts'
import { customerEndpoints } from './instruments/customers.ts'
import { doorEndpoints } from './instruments/doors.ts'
import { giveUpEndpoints } from './instruments/giveUpApi.ts'
import { keepingEndpoints } from './instruments/keepingApi.ts'
import { listEndpoints } from './instruments/lists.ts'

/** `reader`: connections of the role that may only read, for the lists. */
export const endpoints = (from: { readonly reader: Pick<Pool, 'query'>; readonly queries: EventQueries }): readonly Endpoint[] => [
  ...customerEndpoints,
  ...instrumentEndpoints,
  ...giveUpEndpoints,
  ...keepingEndpoints,
  ...listEndpoints(from.reader),
  ...clockEndpoints,
  ...channelEndpoints,
  ...doorEndpoints,
  ...eventEndpoints(from.queries),
]
