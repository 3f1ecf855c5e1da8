/**
 * The suite every channel passes. A channel's own test calls `contract(subject)`; what is asserted here is the same for all: nothing
 * definite is made of an unclear answer, one key is one effect, and what we believe in the end is what stands in the channel's own books.
 */
import { describe, test } from 'node:test'
import { contractOfAnswers } from './contract-answers.ts'
import { judgeOf, type Subject } from './contract-bench.ts'
import { contractOfBinding } from './contract-binding.ts'
import { contractOfChallenges } from './contract-challenges.ts'
import { contractOfDeclaration } from './contract-declaration.ts'
import { contractOfKeeping } from './contract-keeping.ts'
import { contractOfKeys } from './contract-keys.ts'
import { contractOfListing } from './contract-listing.ts'
import { contractOfOddWebhooks } from './contract-odd-webhooks.ts'
import { contractOfOddities } from './contract-oddities.ts'
import { contractOfWebhooks } from './contract-webhook.ts'

export type { Subject } from './contract-bench.ts'

export function contract(subject: Subject): void {
  const { channel, sandbox } = subject
  const judged = sandbox.judge === undefined ? `no, ${channel.proof.rank}` : judgeOf(subject) === undefined ? 'SKIPPED, not at hand' : 'on'
  describe(`${channel.name}: the contract of a channel`, () => {
    test(`the specification judges: ${judged}`, context => {
      if (judged.startsWith('SKIPPED')) context.skip('SPECS_DIR has no specifications')
    })
    contractOfDeclaration(subject)
    contractOfBinding(subject)
    contractOfChallenges(subject)
    contractOfAnswers(subject)
    contractOfKeys(subject)
    contractOfKeeping(subject)
    contractOfListing(subject)
    contractOfOddities(subject)
    if (channel.webhook !== undefined) {
      contractOfWebhooks(subject)
      contractOfOddWebhooks(subject)
    }
  })
}
