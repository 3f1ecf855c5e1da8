/** The list of every endpoint. */

import { approvalEndpoints } from './approvals/api.ts'
import { canaryEndpoints } from './canaries/api.ts'
import { detokenizeEndpoints } from './detokenize/api.ts'
import { eventEndpoints } from './events/api.ts'
import type { EventQueries } from './events/queries.ts'
import type { Endpoint } from './http/endpoint.ts'
import { instrumentEndpoints } from './instruments/api.ts'
import { channelEndpoints } from './instruments/channelsApi.ts'
import { chargeEndpoints } from './instruments/chargesApi.ts'
import { clockEndpoints } from './instruments/clocks.ts'
import { customerEndpoints } from './instruments/customers.ts'
import { doorEndpoints } from './instruments/doors.ts'
import { giveUpEndpoints } from './instruments/giveUpApi.ts'
import { keepingEndpoints } from './instruments/keepingApi.ts'
import { listEndpoints } from './instruments/lists.ts'
import { mandateEndpoints } from './instruments/mandatesApi.ts'
import { sharingEndpoints } from './instruments/sharingApi.ts'
import { versionEndpoints } from './instruments/versionsApi.ts'
import { invariantEndpoints } from './invariants/api.ts'
import { keyEndpoints } from './keys/api.ts'
import { cardFileEndpoints } from './moving/cardFileApi.ts'
import { exportEndpoints } from './moving/exportApi.ts'
import { importEndpoints } from './moving/importApi.ts'
import { networkEndpoints } from './network/api.ts'
import { portalEndpoints } from './portal/api.ts'
import { safeguardEndpoints } from './safeguards/api.ts'
import { switchEndpoints } from './safeguards/switchApi.ts'
import { sessionEndpoints } from './sessions/api.ts'
import { sweepEndpoints, sweepListEndpoints } from './sweeps/api.ts'
import { unknownEndpoints, unknownListEndpoints } from './unknowns/api.ts'
import { updaterEndpoints } from './updater/api.ts'
import { vaultInvariants } from './vault/queries-invariants.ts'
import type { TenantReader } from './world/tenant-reader.ts'

/** `reader`: connections of the role that may only read, for the lists. */
export const endpoints = (from: { readonly reader: TenantReader; readonly queries: EventQueries }): readonly Endpoint[] => [
  ...customerEndpoints,
  ...instrumentEndpoints,
  ...mandateEndpoints,
  ...chargeEndpoints,
  ...giveUpEndpoints,
  ...keepingEndpoints,
  ...listEndpoints(from.reader),
  ...clockEndpoints,
  ...sharingEndpoints,
  ...versionEndpoints,
  ...updaterEndpoints,
  ...networkEndpoints,
  ...channelEndpoints,
  ...doorEndpoints,
  ...safeguardEndpoints,
  ...switchEndpoints,
  ...sessionEndpoints,
  ...portalEndpoints,
  ...sweepEndpoints,
  ...sweepListEndpoints(from.reader),
  ...unknownEndpoints,
  ...unknownListEndpoints(from.reader),
  ...eventEndpoints(from.queries),
  ...importEndpoints,
  ...exportEndpoints,
  ...cardFileEndpoints(from.reader),
  ...approvalEndpoints(from.reader),
  ...invariantEndpoints(from.reader, vaultInvariants),
  ...keyEndpoints,
  ...canaryEndpoints,
  ...detokenizeEndpoints,
]
