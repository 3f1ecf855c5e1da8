/** Values with which a channel's test environment does something on purpose. */
import type { RefusalCategory } from './refusal.ts'
import type { MandateTerms, PayerField, Shape, Source } from './source.ts'

/** What makes a simulator (and the channel's own test environment, where `source` is the channel's) do something on purpose. */
export type SandboxValue = {
  readonly title: string
  readonly shape: Shape
  readonly source: Source
  /** What the vault is to hold: `number`, `expiryMonth`, `securityCode`, `holder` of a card, or fields of a payer. */
  readonly give: Readonly<
    Partial<Record<'number' | 'expiryMonth' | 'expiryYear' | 'securityCode' | 'holder' | 'cryptogram' | PayerField, string>>
  >
  readonly terms?: MandateTerms
  /** What the first answer is; a refusal's category stands for itself. `ends`: how a challenge that is passed ends, if not bound. */
  readonly outcome: 'bound' | 'challenged' | 'verifying' | RefusalCategory
  readonly ends?: RefusalCategory
  /** The owner's page, or `ours` where the owner has no such value. */
  readonly from: string
}
