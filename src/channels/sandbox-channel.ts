/** What a channel's folder brings for the sandbox, beside the channel itself: its `sandbox.ts` exports one of these as `sandbox`. */
import type { Action, References } from './channel.ts'
import type { Simulator, SimulatorAnswer, StageJudge } from './simulator.ts'

/** A deployment's credentials at one simulator, made once and kept. */
export type Credentials = {
  /** Of our account, by the names that `Channel.account` lists. */
  readonly secrets: Readonly<Record<string, string>>
  readonly settings: Readonly<Record<string, string>>
  /** What our side verifies webhooks with, and what the simulator signs with: the same for a shared secret, two halves for a key pair. */
  readonly verifying: string
  readonly signing: string
  /** What the simulator alone holds: our public key, a certificate's key. */
  readonly simulator?: Readonly<Record<string, string>>
}
/** PEM: SPKI and PKCS#8. */
export type KeyPair = { readonly publicKey: string; readonly privateKey: string }
export type Making = { readonly random: (count: number) => Buffer; readonly keyPair: (type: 'rsa-2048' | 'ec-p256') => KeyPair }

/** What stands in for the customer's hands: the browser, and what the customer does in an app or at the bank. */
export type Hands = {
  readonly browse: (method: 'GET' | 'POST', url: string, body?: string) => Promise<SimulatorAnswer>
  readonly act: (name: string, token: string) => Promise<void>
}

export interface SandboxChannel {
  createSimulator(credentials: Credentials): Simulator
  /** Absent where the owner publishes no specification. */
  judge?(specsDir: string): StageJudge
  credentials(making: Making): Credentials
  /**
   * Plays the customer who passes (or fails) this challenge. What is returned goes to `resume`; undefined where nothing comes back and the
   * channel's news or a look-up tells.
   */
  play(
    challenge: { readonly action: Action; readonly references: References },
    pass: boolean,
    hands: Hands,
  ): Promise<Readonly<Record<string, string>> | undefined>
}
