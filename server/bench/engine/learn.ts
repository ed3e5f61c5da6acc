/**
 * Our side of a training bench, in a process of its own:  node learn.ts CASE [--threads N] [--spinning] [--profile PREFIX]
 *
 * Says `ready`; then for each `{"steps": N}` on its standard input runs so many, and answers with the seconds of each.
 */
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { adamWDefaults, adamw, clipScale, gradientNorm } from '../../src/engine/fit/adamw.ts'
import { openLearner, tensorsOf } from '../../src/engine/fit/learner.ts'
import { layOut, scratchBytes } from '../../src/engine/fit/parameters.ts'
import { openSplitLearner, splitTensorsOf } from '../../src/engine/fit/splitLearner.ts'
import type { SessionOptions } from '../../src/engine/session.ts'
import { seededRandom } from '../../src/math/random.ts'
import { type CaseName, cases } from './cases.ts'
import type { Learn, Learnt } from './training.ts'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    spinning: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})

const { make, bucket, sharesRows } = cases[positionals[0] as CaseName] // the bench that starts this names a case
const trainable = await make()
const threads = Number(options.threads)
// A trace has all rows on one thread: two traces at once would have one name.
const parts = sharesRows && options.profile === undefined ? threads : 1
const step = await trainable.step({ ...bucket, rows: bucket.rows / parts })
const names = new Set(trainable.parameters.map(({ name }) => name))
const tensors = parts > 1 ? splitTensorsOf(step, parts, names) : tensorsOf(step, names)
const parameters = layOut(trainable.parameters, scratchBytes(tensors))
const session: SessionOptions = {
  threads: sharesRows ? 1 : threads,
  spinning: options.spinning,
  ...(options.profile === undefined ? {} : { profilePrefix: options.profile }),
}
const learner = await (parts > 1
  ? openSplitLearner(step, parts, parameters, false, session)
  : openLearner(step, parameters, false, session))
const random = seededRandom(1)
for (const [name, values] of Object.entries(learner.feeds)) {
  if (values instanceof BigInt64Array) {
    const next = name === 'attention_mask' ? () => 1n : () => BigInt(1000 + Math.floor(random() * 7000))
    for (let i = 0; i < values.length; i++) values[i] = next()
  } else {
    const next = name === 'row_weights' ? () => 1 : name === 'targets' ? (i: number) => i % 2 : () => random() * 2 - 1
    for (let i = 0; i < values.length; i++) values[i] = next(i)
  }
}

let at = 0
const losses: number[] = []
async function learn(): Promise<number> {
  const began = performance.now()
  at++
  losses.push(await learner.run({ seed: 1, step: at, turn: 0 }))
  const norm = gradientNorm(parameters)
  adamw(parameters, adamWDefaults, { step: at, learningRate: 1e-4, scale: clipScale(norm, 1) })
  return (performance.now() - began) / 1000
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line) as Learn // written by training.ts
  const seconds: number[] = []
  for (let i = 0; i < steps; i++) seconds.push(await learn())
  const answer: Learnt = {
    seconds,
    firstLoss: losses[0],
    lastLoss: losses[losses.length - 1],
    version: process.version,
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await learner.close()
