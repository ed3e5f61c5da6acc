/**
 * An export that is one of the encoders of nn/: then it learns as ours do, with dropout, and with a last layer that
 * computes the first token alone.
 *
 * The weights are known by their names: the exporter keeps those of tables, biases and norms, and a matrix is its bias's
 * neighbour. What no weight tells (heads, ε, activation) the graph does. Whether it is true, the logits must show: see
 * importExport.ts.
 */
import type { Shape } from '../graph/ir.ts'
import { type ClassifierConfig, classifierPlan } from '../nn/encoder.ts'
import { dropoutOf } from '../nn/encoderLayers.ts'
import { type Family, families, namesOf } from '../nn/families.ts'
import type { Known } from '../nn/initialise.ts'
import { floats } from '../onnx/tensor.ts'
import type { Folded } from './foldExport.ts'
import type { Exported, ExportWeight } from './readExport.ts'

export interface Recognised {
  readonly config: ClassifierConfig
  readonly known: Known
  /** The values of a weight of the export, out of those of the encoder's parameters. */
  readonly exportedValues: (weight: ExportWeight, now: (name: string) => Float32Array) => Float32Array
}

/** Where a parameter of ours lies in the export. */
interface Place {
  readonly weight: ExportWeight
  /** [inputs, outputs] instead of [outputs, inputs]. */
  readonly isTransposed: boolean
}

/** The encoders that it may be, the likeliest first; none where its weights are not those of a family. */
export function recogniseEncoder(exported: Exported, folded: Folded): readonly Recognised[] {
  const named = nameWeights(exported)
  const family = families.find((family) => named.has(`${namesOf(family).word}.weight`))
  if (family === undefined) return []
  const shape = shapeOf(family, named, folded)
  if (shape === null) return []
  const poolings = ['cls', 'mean'] as const
  return poolings.flatMap((pooling) => {
    const config = { ...shape, pooling }
    const plans = classifierPlan(config)
    const isSame = plans.length === named.size && plans.every(({ name, shape }) => sameShape(named.get(name), shape))
    return isSame ? [{ config, known: knownOf(named), exportedValues: valuesOf(named) }] : []
  })
}

/** The weights by the names that they have in checkpoints. */
function nameWeights({ model, weights }: Exported): ReadonlyMap<string, Place> {
  const byName = new Map(weights.map((weight) => [weight.name, weight]))
  const named = new Map<string, Place>()
  const readers = new Map(model.graph.nodes.flatMap((node) => node.inputs.map((name) => [name, node] as const)))
  for (const node of model.graph.nodes) {
    const [, matrix = '', gemmBias] = node.inputs
    const weight = byName.get(matrix)
    if (weight === undefined || (node.op !== 'MatMul' && node.op !== 'Gemm')) continue
    const sum = readers.get(node.outputs[0] ?? '')
    const bias =
      node.op === 'Gemm' ? gemmBias : sum?.op === 'Add' ? sum.inputs.find((name) => byName.has(name)) : undefined
    if (bias === undefined || !bias.endsWith('.bias')) continue
    const turned = node.attributes['transB']
    const isTransposed = !(turned?.kind === 'int' && turned.value === 1)
    named.set(bias.replace(/\.bias$/, '.weight'), { weight, isTransposed })
  }
  const matrices = new Set([...named.values()].map(({ weight }) => weight))
  for (const weight of weights) if (!matrices.has(weight)) named.set(weight.name, { weight, isTransposed: false })
  return named
}

function shapeOf(
  family: Family,
  named: ReadonlyMap<string, Place>,
  { model, types }: Folded,
): Omit<ClassifierConfig, 'pooling'> | null {
  const names = namesOf(family)
  const size = (name: string, axis: 0 | 1): number => sizes(named.get(name))[axis] ?? 0
  const layers = countWhile((index) => named.has(`${names.layer(index).query}.weight`))
  const [vocabulary, width] = [size(`${names.word}.weight`, 0), size(`${names.word}.weight`, 1)]
  const softmax = model.graph.nodes.find(({ op }) => op === 'Softmax')
  // [rows, heads, tokens, tokens]
  const heads = types.get(softmax?.outputs[0] ?? '')?.shape[1]
  const norm = model.graph.nodes.find(({ op }) => op === 'LayerNormalization')?.attributes['epsilon']
  if (layers === 0 || heads === undefined || width % heads !== 0) return null
  const isRoberta = family === 'roberta'
  const hasHidden = named.has(`${names.hidden}.weight`)
  return {
    family,
    vocabulary,
    width,
    layers,
    heads,
    inner: size(`${names.layer(0).inner}.weight`, 0),
    positions: size(`${names.position}.weight`, 0),
    // The padding of all models of the family is 1.
    firstPosition: isRoberta ? 2 : 0,
    typeVocabulary: size(`${names.type}.weight`, 0),
    norm: named.has(`${names.finalNorm}.weight`) ? 'pre' : 'post',
    epsilon: norm?.kind === 'float' ? norm.value : 1e-5,
    activation: activationOf(model.graph.nodes.map(({ op }) => op)),
    // What they were all pre-trained with; an export does not say.
    dropout: dropoutOf(0.1),
    labels: size(`${names.classifier}.weight`, 0),
    head: hasHidden ? (family === 'distilbert' ? 'relu' : 'tanh') : 'linear',
  }
}

function countWhile(holds: (index: number) => boolean): number {
  let count = 0
  while (holds(count)) count++
  return count
}

function activationOf(ops: readonly string[]): ClassifierConfig['activation'] {
  if (ops.includes('Gelu') || ops.includes('Erf')) return 'gelu'
  // One tanh is the pooler's.
  return ops.filter((op) => op === 'Tanh').length > 1 ? 'gelu-tanh' : 'relu'
}

/** As our parameter has it. */
function sizes(place: Place | undefined): Shape {
  const shape = place?.weight.tensor.shape ?? []
  return place?.isTransposed === true ? shape.toReversed() : shape
}

function sameShape(place: Place | undefined, shape: Shape): boolean {
  return place !== undefined && sizes(place).join() === shape.join()
}

function knownOf(named: ReadonlyMap<string, Place>): Known {
  return (name) => {
    const place = named.get(name)
    if (!place) return null
    const values = floats(place.weight.tensor)
    return place.isTransposed ? transposed(values, place.weight.tensor.shape) : values
  }
}

function valuesOf(named: ReadonlyMap<string, Place>): Recognised['exportedValues'] {
  const ours = new Map([...named].map(([name, place]) => [place.weight.name, { name, place }]))
  return (weight, now) => {
    const found = ours.get(weight.name)
    if (!found) return floats(weight.tensor)
    const values = now(found.name)
    return found.place.isTransposed ? transposed(values, weight.tensor.shape.toReversed()) : values
  }
}

/** @param shape of the values: [rows, columns] → [columns, rows] */
function transposed(values: Float32Array, [rows = 0, columns = 0]: Shape): Float32Array {
  const turned = new Float32Array(values.length)
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) turned[column * rows + row] = values[at]
  return turned
}
