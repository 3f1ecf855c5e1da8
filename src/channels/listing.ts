/** A channel's own list of what it keeps: what a sweep compares our bindings with. A read, and nothing else. */
import type { Call, Uncertain } from './channel.ts'

/**
 * One token on the list. `kept`: it is there, and that is all the list says. The others are what the channel says of it now; what is not there
 * at all is a suspicion and no more.
 */
export type Listed = {
  readonly token: string
  readonly status: 'kept' | 'active' | 'suspended' | 'expired' | 'revoked'
  readonly reason?: string
}
/** `owner`: what the channel calls whose list it is. `cursor`: where the page before ended. */
export type ListInput = { readonly owner: string; readonly cursor?: string | undefined }
/** Without `next` the list ends with this page. An owner of whom the channel has never heard has an empty list. */
export type ListPage = { readonly kind: 'listed'; readonly listed: readonly Listed[]; readonly next?: string }
export type ListOutcome = ListPage | Uncertain

/** `by`: which of a binding's references names the owner. */
export type Listing = { readonly by: string; readonly page: (call: Call, input: ListInput) => Promise<ListOutcome> }
