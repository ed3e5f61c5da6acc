/**
 * What a sample of telemetry costs:  node server/bench/engine/telemetry.ts [--nodes 5000] [--rounds 40]
 *
 * Features alone (one thread), then features and LSTM together as they serve: every node sends a sample, all go through
 * the network in one run, and their state stays. Memory is what the process holds more for a node, windows and all.
 */
import { parseArgs } from 'node:util'
import { openLstm } from '../../src/engine/serve/lstmDetector.ts'
import { randomDetector } from '../../src/engine/serve/randomDetector.ts'
import { createFeatureStream, featurePlan } from '../../src/models/telemetry/features.ts'
import { generateHistory } from '../../src/models/telemetry/generateHistory.ts'
import { baseMetrics, rowOf } from '../../src/models/telemetry/history.ts'
import { median } from '../report.ts'

const { values: options } = parseArgs({
  options: { nodes: { type: 'string', default: '5000' }, rounds: { type: 'string', default: '40' } },
})
const nodes = Number(options.nodes)
const rounds = Number(options.rounds)
/** At 10 s a window holds 30 samples. */
const history = generateHistory({
  node: 'n',
  seed: 1,
  startAt: 0,
  rows: 20_000,
  intervalSeconds: 10,
  metrics: baseMetrics,
})

const stream = createFeatureStream(featurePlan)
const turns: number[] = []
for (let turn = 0; turn < 10; turn++) {
  const began = performance.now()
  for (let row = turn * 2000; row < (turn + 1) * 2000; row++) stream.push(history.at[row], rowOf(history, row))
  turns.push(((performance.now() - began) * 1000) / 2000)
}
print(`features: ${median(turns).toFixed(2)} µs a sample of ${baseMetrics.length} metrics, 30 samples in the window`)

const { files, form } = randomDetector([history], 64)
const detector = await openLstm(files, { nodesMax: nodes })
const before = process.memoryUsage().rss
const times: number[] = []
for (let round = 0; round < rounds; round++) {
  const samples = Array.from({ length: nodes }, (_, n) => {
    const row = (round + n) % history.at.length
    const values = rowOf(history, row)
    const metrics = Object.fromEntries(baseMetrics.map((metric, m) => [metric, values[m]]))
    return { node: `n${n}`, at: round * 10_000, metrics }
  })
  const began = performance.now()
  await detector.step(samples)
  times.push(performance.now() - began)
}
const ms = median(times.slice(5))
print(
  `features and LSTM 2×${form.hidden}: ${ms.toFixed(0)} ms for one sample of each of ${nodes} nodes, ${((ms * 1000) / nodes).toFixed(1)} µs a sample, one thread`,
)
print(`memory: ${((process.memoryUsage().rss - before) / nodes / 1024).toFixed(1)} KB a node`)
await detector.close()

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
