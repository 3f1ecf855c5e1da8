/** Ours under load. Started by bind.ts. */
import { announce } from './child.ts'
import { startOurs } from './ours.ts'

const { running, ready } = await startOurs()
announce(ready, () => running.stop())
