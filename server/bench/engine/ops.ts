/**
 * Which operators make a gradient fastest: the alternatives that autodiff/ chose from, in ONNX Runtime, alternating.
 *
 *   node server/bench/engine/ops.ts [--threads 2] [--rounds 40]
 */
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../../src/engine/graph/builder.ts'
import type { Value } from '../../src/engine/graph/ir.ts'
import {
  add,
  cast,
  div,
  erf,
  exp,
  matmul,
  mean,
  mul,
  reshape,
  scale,
  sub,
  sum,
  where,
} from '../../src/engine/graph/ops.ts'
import { sizeOf } from '../../src/engine/graph/tensor.ts'
import { toOnnx } from '../../src/engine/graph/toOnnx.ts'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import { openSession, runTensor, type Session } from '../../src/engine/session.ts'
import { seededRandom } from '../../src/math/random.ts'

type Build = (g: GraphBuilder, inputs: readonly Value[]) => Value

interface Choice {
  readonly question: string
  readonly shapes: readonly (readonly number[])[]
  readonly ways: Readonly<Record<string, Build>>
}

const { values: options } = parseArgs({
  options: { threads: { type: 'string', default: '2' }, rounds: { type: 'string', default: '40' } },
})

/** Rows × width of the encoder and of DistilBERT; batch, heads, tokens, tokens of its attention. */
const [SMALL, LARGE, SCORES] = [
  [4096, 256],
  [2048, 768],
  [16, 12, 128, 128],
]

/** What dx needs of rows, and P = dy ∘ x̂ for the gain, which is wanted in any case. */
const layerNormWays: Readonly<Record<string, Build>> = {
  'two MatMuls': (g, [dy, unit, gamma]) => {
    const column = reshape(g, scale(g, gamma, 1 / gamma.shape[0]), [-1, 1])
    const product = mul(g, dy, unit)
    const [c1, c2] = [matmul(g, dy, column), matmul(g, product, column)]
    const gain = matmul(g, g.filled([dy.shape[0]], 1), product)
    return sub(g, sub(g, mul(g, dy, gamma), mul(g, unit, c2)), add(g, c1, gain))
  },
  'ReduceMean, MatMul': (g, [dy, unit, gamma]) => {
    const column = reshape(g, scale(g, gamma, 1 / gamma.shape[0]), [-1, 1])
    const [inner, product] = [mul(g, dy, gamma), mul(g, dy, unit)]
    const [c1, c2] = [mean(g, inner, [-1], true), matmul(g, product, column)]
    const gain = matmul(g, g.filled([dy.shape[0]], 1), product)
    return sub(g, sub(g, inner, mul(g, unit, c2)), add(g, c1, gain))
  },
  'two ReduceMeans': (g, [dy, unit, gamma]) => {
    const inner = mul(g, dy, gamma)
    const [c1, c2] = [mean(g, inner, [-1], true), mean(g, mul(g, inner, unit), [-1], true)]
    const gain = matmul(g, g.filled([dy.shape[0]], 1), mul(g, dy, unit))
    return sub(g, sub(g, inner, mul(g, unit, c2)), add(g, c1, gain))
  },
}

const choices: readonly Choice[] = [
  ...[SMALL, LARGE].map((shape) => ({
    question: 'sum of the columns',
    shapes: [shape],
    ways: {
      'ones · X': (g, [x]) => matmul(g, g.filled([shape[0]], 1), x),
      ReduceSum: (g, [x]) => sum(g, x, [0]),
    } satisfies Record<string, Build>,
  })),
  ...[SMALL, LARGE, SCORES].map((shape) => ({
    question: 'sum of the rows',
    shapes: [shape],
    ways: {
      'X · ones': (g, [x]) => matmul(g, x, g.filled([shape[shape.length - 1], 1], 1)),
      ReduceSum: (g, [x]) => sum(g, x, [-1], true),
    } satisfies Record<string, Build>,
  })),
  {
    question: 'minus x',
    shapes: [LARGE],
    ways: { 'Mul by −1': (g, [x]) => scale(g, x, -1), Neg: (g, [x]) => g.op('Neg', [x]) },
  },
  {
    question: 'dy where x > 0',
    shapes: [LARGE, LARGE],
    ways: {
      'dy ∘ Sign y': (g, [x, dy]) => mul(g, dy, g.op('Sign', [x])),
      'dy ∘ Cast (x > 0)': (g, [x, dy]) => mul(g, dy, cast(g, g.op('Greater', [x, g.scalar(0)]), 'float32')),
      Where: (g, [x, dy]) => where(g, g.op('Greater', [x, g.scalar(0)]), dy, g.scalar(0)),
    },
  },
  {
    question: 'x + y + z',
    shapes: [LARGE, LARGE, LARGE],
    ways: { 'Add, Add': (g, [x, y, z]) => add(g, add(g, x, y), z), Sum: (g, inputs) => g.op('Sum', inputs) },
  },
  {
    question: 'back through a layer norm',
    shapes: [SMALL, SMALL, [256]],
    ways: layerNormWays,
  },
  {
    question: 'back through a layer norm',
    shapes: [LARGE, LARGE, [768]],
    ways: layerNormWays,
  },
  {
    question: 'back through Gelu',
    shapes: [
      [2048, 3072],
      [2048, 3072],
    ],
    ways: {
      'as it is written': (g, [x, dy]) => {
        const density = mul(g, exp(g, mul(g, scale(g, x, -0.5), x)), scale(g, x, Math.sqrt(2 / Math.PI)))
        const distribution = add(g, erf(g, scale(g, x, Math.SQRT1_2)), g.scalar(1))
        return mul(g, scale(g, dy, 0.5), add(g, distribution, density))
      },
      'in few passes': (g, [x, dy]) => {
        const s = scale(g, x, Math.SQRT1_2)
        const distribution = g.op('HardSigmoid', [erf(g, s)], { alpha: 0.5, beta: 0.5 })
        const density = scale(g, div(g, s, exp(g, mul(g, s, s))), 1 / Math.sqrt(Math.PI))
        return mul(g, dy, add(g, distribution, density))
      },
    },
  },
  {
    question: 'Σ P ∘ dP of an attention',
    shapes: [SCORES, SCORES, [16, 12, 128, 64], [16, 12, 128, 64]],
    ways: {
      'Σ dO ∘ O': (g, [, , o, dO]) => sum(g, mul(g, dO, o), [-1], true),
      'Σ P ∘ dP': (g, [p, dP]) => sum(g, mul(g, p, dP), [-1], true),
    },
  },
  {
    question: 'y·(1 − y)',
    shapes: [LARGE],
    ways: {
      'y ∘ (1 − y)': (g, [y]) => mul(g, y, sub(g, g.scalar(1), y)),
      'y − y ∘ y': (g, [y]) => sub(g, y, mul(g, y, y)),
    },
  },
  {
    question: 'e^(−x²/2)',
    shapes: [LARGE],
    ways: {
      'Exp (−½x ∘ x)': (g, [x]) => exp(g, mul(g, scale(g, x, -0.5), x)),
      'Exp (−½ (x ∘ x))': (g, [x]) => exp(g, scale(g, mul(g, x, x), -0.5)),
    },
  },
]

/** A way, ready to run: its own session, results written in place. */
async function prepare({ shapes }: Choice, build: Build): Promise<{ run: () => Promise<unknown>; session: Session }> {
  const g = new GraphBuilder()
  const y = build(
    g,
    shapes.map((shape, i) => g.input(`x${i}`, 'float32', shape)),
  )
  g.output(y, 'y')
  const session = await openSession(encodeModel(toOnnx(g.finish())), { threads: Number(options.threads) })
  const random = seededRandom(1)
  const feeds = Object.fromEntries(
    shapes.map((shape, i) => [
      `x${i}`,
      runTensor(
        'float32',
        Float32Array.from({ length: sizeOf(shape) }, () => random() * 2 - 1),
        shape,
      ),
    ]),
  )
  const fetches = { y: runTensor('float32', new Float32Array(sizeOf(y.shape)), y.shape) }
  return { run: () => session.run(feeds, fetches), session }
}

/** The median of the faster half: what it costs where the machine is left alone. */
const quartile = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 2]

for (const choice of choices) {
  const names = Object.keys(choice.ways)
  const ready = await Promise.all(names.map((name) => prepare(choice, choice.ways[name])))
  const times: number[][] = names.map(() => [])
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, { run }] of ready.entries()) {
      const began = performance.now()
      await run()
      if (round >= 5) times[i].push(performance.now() - began)
    }
  }
  for (const { session } of ready) await session.close()
  const shape = choice.shapes[0].join('×')
  const row = names.map((name, i) => `${name} ${quartile(times[i]).toFixed(3)} ms`)
  process.stdout.write(`${choice.question.padEnd(28)} ${shape.padEnd(16)} ${row.join(' | ')}\n`)
}
