/** A run in a process of its own, to be killed: prints every point, and at the end the whole curve. Argument: its folder. */
import { fit } from './fit.ts'
import { heldTexts, options, tinyEncoder, wordTexts } from './fixtures.ts'

const folder = process.argv[2]
const { curve, evaluations } = await fit(
  tinyEncoder(1, 0.1),
  wordTexts(200, 1).examples,
  heldTexts(50, 2),
  { ...options, checkpointSeconds: 0 },
  { folder, onEvent: (event) => process.send?.(event) },
)
process.send?.({ kind: 'over', curve, evaluations })
process.disconnect?.()
