/** Any export as something that learns: its weights as parameters, its graph with loss and gradients for each shape. */
import type { Bucket, ParameterSpec, Step, Trainable } from '../fit/trainable.ts'
import type { Shape, Value } from '../graph/ir.ts'
import { reshape } from '../graph/ops.ts'
import type { Typed } from '../graph/shapes/infer.ts'
import type { Build } from '../nn/build.ts'
import { crossEntropy, weightedMean } from '../nn/losses.ts'
import { evaluationStep, type Result, trainingStep } from '../nn/steps.ts'
import type { OnnxGraph } from '../onnx/model.ts'
import { floats } from '../onnx/tensor.ts'
import { foldExport } from './foldExport.ts'
import type { Exported, ExportWeight } from './readExport.ts'
import { simplify } from './simplify.ts'
import { toGraph } from './toGraph.ts'

/** The smallest shape that shows what a graph is: fails where the graph cannot be folded at all. */
export const SMALLEST: Bucket = { rows: 2, length: 8 }

/**
 * Feeds: `input_ids`, `attention_mask`, `targets`, `row_weights`, as of nn/encoder.ts. The parameters are called and lie as
 * in the export. There is no dropout: an export for inference does not say where it was.
 */
export function importGraph(exported: Exported, labels: number, learns: (name: string) => boolean): Trainable {
  const parameters = exported.weights.map((weight) => parameterOf(weight, learns(weight.name)))
  const body = async (bucket: Bucket) => {
    const { graph, types } = await simplified(exported, bucket)
    return (build: Build): Result => {
      const logits = place(build, graph, types, exported, bucket)
      const targets = build.g.input('targets', 'float32', [bucket.rows, labels])
      const weights = build.g.input('row_weights', 'float32', [bucket.rows])
      return { logits, loss: weightedMean(build.g, crossEntropy(build.g, logits, targets), weights) }
    }
  }
  return {
    parameters,
    step: async (bucket): Promise<Step> => trainingStep(parameters, await body(bucket)),
    evaluationStep: async (bucket): Promise<Step> => evaluationStep(parameters, await body(bucket)),
  }
}

/** Biases and the gains of norms have one axis, as everything that does not decay. */
function parameterOf({ name, tensor }: ExportWeight, learns: boolean): ParameterSpec {
  return {
    name,
    shape: tensor.shape,
    // Made when it is asked for, as of nn/initialise.ts.
    get initial() {
      return floats(tensor)
    },
    decays: tensor.shape.length > 1,
    learns,
  }
}

async function simplified(
  exported: Exported,
  bucket: Bucket,
): Promise<{ graph: OnnxGraph; types: ReadonlyMap<string, Typed> }> {
  const folded = await foldExport(exported, bucket)
  const shapes = new Map<string, Shape>(exported.weights.map(({ name, tensor }) => [name, tensor.shape]))
  return { graph: simplify(folded, shapes), types: folded.types }
}

/** Appends the graph to the one that is built; the rows that the ids name are gathered by the build, which learns them as rows. */
function place(
  build: Build,
  graph: OnnxGraph,
  types: ReadonlyMap<string, Typed>,
  { weights, inputs, output }: Exported,
  { rows, length }: Bucket,
): Value {
  const { g } = build
  const values = new Map<string, Value>(weights.map(({ name }) => [name, build.weight(name)]))
  for (const name of inputs) if (name !== 'token_type_ids') values.set(name, g.input(name, 'int64', [rows, length]))
  const ids = values.get('input_ids')
  const tables = new Set(weights.map(({ name }) => name))
  const nodes = graph.nodes.filter((node) => {
    const [table = '', indices] = node.inputs
    const [name = ''] = node.outputs
    const shape = types.get(name)?.shape
    if (node.op !== 'Gather' || indices !== 'input_ids' || !tables.has(table) || !ids || !shape) return true
    values.set(name, reshape(g, build.rows(table, ids), shape))
    return false
  })
  return toGraph(g, { ...graph, nodes }, values, types).get(output) as Value // the runtime typed it, so a node makes it
}
