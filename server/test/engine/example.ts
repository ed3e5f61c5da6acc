/** The worked example of docs/engine.md, which shows this file and what it prints (example.test.ts holds it to that). */
import { differentiate } from '../../src/engine/autodiff/differentiate.ts'
import { GraphBuilder } from '../../src/engine/graph/builder.ts'
import { gemm, mean, mul, softplus, sub } from '../../src/engine/graph/ops.ts'
import { toOnnx } from '../../src/engine/graph/toOnnx.ts'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import { openSession, runTensor } from '../../src/engine/session.ts'

const g = new GraphBuilder()
const x = g.input('x', 'float32', [3, 2])
const y = g.input('y', 'float32', [3, 1])
const w = g.input('w', 'float32', [2, 1])
const z = gemm(g, x, w)
const loss = mean(g, sub(g, softplus(g, z), mul(g, z, y)))
g.output(loss, 'loss')
for (const [value, gradient] of differentiate(g, loss, [w])) g.output(gradient, `d${value.name}`)

const graph = g.finish()
for (const { op, inputs, outputs } of graph.nodes) {
  const [made] = outputs
  console.log(`${made?.name} [${made?.shape.join('×')}] = ${op}(${inputs.map((input) => input?.name).join(', ')})`)
}

const session = await openSession(encodeModel(toOnnx(graph)))
const weights = Float32Array.of(0, 0)
const feeds = {
  x: runTensor('float32', Float32Array.of(1, 2, -1, 1, 0.5, -2), [3, 2]),
  y: runTensor('float32', Float32Array.of(1, 0, 0), [3, 1]),
  w: runTensor('float32', weights, [2, 1]),
}
const gradient = new Float32Array(2)
const fetches = { loss: runTensor('float32', new Float32Array(1), []), dw: runTensor('float32', gradient, [2, 1]) }
for (let step = 1; step <= 3; step++) {
  const { loss } = await session.run(feeds, fetches)
  console.log(
    `step ${step}: loss ${Number(loss.data[0]).toFixed(4)}, dw [${[...gradient].map((d) => d.toFixed(4)).join(', ')}]`,
  )
  for (let i = 0; i < 2; i++) weights[i] -= gradient[i]
}
await session.close()
