/** For the tests of a channel's overlays: each is shown to be needed, or it does not stand. */
import assert from 'node:assert/strict'
import { createJudge, type Judge, type JudgeOptions, type Overlay, type Violation } from './judge.ts'

/**
 * Without this one overlay (the others stay) `check` meets violations, with it none. `check`: an official example, or a request as the
 * owner's SDK sends it, laid before the judge.
 */
export function assertOverlayNeeded(
  options: JudgeOptions & { readonly overlays: readonly Overlay[] },
  overlay: Overlay,
  check: (judge: Judge) => readonly Violation[],
): void {
  assert.ok(options.overlays.includes(overlay), `not one of the judge's overlays: ${overlay.reason}`)
  assert.ok(overlay.reason.trim().length > 20, 'an overlay says why it is there')
  assert.deepEqual(check(createJudge(options)), [], `with all overlays, this one included: ${overlay.reason}`)
  const without = createJudge({ ...options, overlays: options.overlays.filter(one => one !== overlay) })
  assert.notDeepEqual(check(without), [], `the example passes without it: ${overlay.reason}`)
}
