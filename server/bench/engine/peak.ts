/** How fast matrices multiply here: what every other figure of the engine is to be held against. */
import { GraphBuilder } from '../../src/engine/graph/builder.ts'
import { gemm } from '../../src/engine/graph/ops.ts'
import { toOnnx } from '../../src/engine/graph/toOnnx.ts'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import { openSession, runTensor } from '../../src/engine/session.ts'
import { seededRandom } from '../../src/math/random.ts'

export interface Peak {
  readonly what: 'peak'
  readonly threads: number
  readonly size: number
  /** 2·size³ operations in the best run. */
  readonly gigaflops: number
}

const RUNS = 12

/** The product of two square matrices in float32, in the best of several runs. */
export async function peak(threads: number, size: number): Promise<Peak> {
  const g = new GraphBuilder()
  const [a, b] = [g.input('a', 'float32', [size, size]), g.input('b', 'float32', [size, size])]
  g.output(gemm(g, a, b), 'product')
  const session = await openSession(encodeModel(toOnnx(g.finish())), { threads })
  const random = seededRandom(1)
  const matrix = () => runTensor('float32', Float32Array.from({ length: size * size }, random), [size, size])
  const feeds = { a: matrix(), b: matrix() }
  const fetches = { product: matrix() }
  let best = Infinity
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now()
    await session.run(feeds, fetches)
    best = Math.min(best, (performance.now() - began) / 1000)
  }
  await session.close()
  return { what: 'peak', threads, size, gigaflops: (2 * size ** 3) / best / 1e9 }
}
