/**
 * An export at one shape: ONNX Runtime folds all that depends on shapes alone, fuses the layer norms and Gelus that were
 * written out in pieces, and says the type and shape of every value that is left.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import type { Bucket } from '../fit/trainable.ts'
import type { Typed } from '../graph/shapes/infer.ts'
import { tensor } from '../graph/tensor.ts'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxModel, Tensor } from '../onnx/model.ts'
import { type OutputType, openSession } from '../session.ts'
import type { Exported } from './readExport.ts'

export interface Folded {
  readonly model: OnnxModel
  /** Of every value that a node makes, by its name. */
  readonly types: ReadonlyMap<string, Typed>
}

export async function foldExport(
  { model, weights, inputs, output }: Exported,
  { rows, length }: Bucket,
): Promise<Folded> {
  const whole: OnnxModel = {
    ...model,
    graph: {
      ...model.graph,
      // One text alone is all of type 0, so there is nothing to feed.
      initializers: new Map(model.graph.initializers).set('token_type_ids', noTypes(rows, length)),
      inputs: [
        ...inputs
          .filter((name) => name !== 'token_type_ids')
          .map((name) => ({ name, type: 'int64' as const, shape: [rows, length] })),
        ...weights.map(({ name, tensor }) => ({ name, type: tensor.type, shape: tensor.shape })),
      ],
      outputs: model.graph.outputs.filter(({ name }) => name === output),
    },
  }
  const folder = await mkdtemp(join(tmpdir(), 'barometer-fold-'))
  try {
    const path = join(folder, 'folded.onnx')
    // `extended` would fuse into operators that have no gradient.
    const session = await openSession(encodeModel(whole), { optimise: 'basic', optimisedPath: path })
    await session.close()
    const folded = decodeModel(await readFile(path))
    return { model: folded, types: await typesOf(folded) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function noTypes(rows: number, length: number): Tensor {
  return tensor('int64', [rows, length], new Float64Array(rows * length))
}

/** Opens the graph once more with every value as an output: the runtime infers what each of them is. */
async function typesOf(model: OnnxModel): Promise<ReadonlyMap<string, Typed>> {
  const made = model.graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''))
  const outputs = made.map((name) => ({ name, type: null, shape: null }))
  const session = await openSession(encodeModel({ ...model, graph: { ...model.graph, outputs } }), {
    optimise: 'disabled',
  })
  await session.close()
  return new Map(
    session.outputTypes.map(({ name, type, shape }) => {
      const fixed = shape.filter((size) => typeof size === 'number')
      if (fixed.length < shape.length || isPacked(type))
        throw new Fault('model_unsupported', {
          say: `The shape of “${name}” in the ONNX model depends on the text; export it again as a plain text classifier.`,
        })
      return [name, { type, shape: fixed }]
    }),
  )
}

/** Four bits an element: only quantised models have them. */
function isPacked(type: OutputType['type']): type is 'int4' | 'uint4' {
  return type === 'int4' || type === 'uint4'
}
