/**
 * The LSTM detector as it serves: each node has a state of its own, and a sample moves it one step.
 *
 * That gives what the network would say of the whole series up to now, at the price of one step. Samples of many nodes
 * go through the network together; rows do not see each other. What a node costs is fixed (its window and 4 · 64
 * floats), and there are at most `nodesMax` of them: the one whose last sample is oldest is evicted.
 */
import { Fault } from '../../domain/faults.ts'
import type { Millis } from '../../domain/time.ts'
import type { Detector, NodeSample, NodeScore } from '../../models/telemetry/detector.ts'
import { type DetectorForm, readDetectorForm } from '../../models/telemetry/detectorForm.ts'
import { createFeatureStream, type FeatureStream } from '../../models/telemetry/features.ts'
import { scaleInto } from '../../models/telemetry/scaler.ts'
import { openSession, type RunTensor, runTensor, type Session } from '../session.ts'
import { stateNames } from './lstmModel.ts'

export interface LstmOptions {
  readonly nodesMax?: number
  /** Nodes that go through the network in one run. */
  readonly batchMax?: number
  /** Samples that may wait for their turn; more are refused at once with the fault `overloaded`. */
  readonly waitingMax?: number
  readonly threads?: number
}

const NODES_MAX = 10_000
const BATCH_MAX = 1024
const WAITING_MAX = 100_000
const LAYERS = 2

interface NodeState {
  readonly stream: FeatureStream
  /** [2·layers] of [hidden]: hidden and cell of each layer. */
  readonly state: readonly Float32Array[]
  at: Millis
  /** Since the state was empty. */
  samples: number
}

/** @param files of the artifact: step.onnx and features.json */
export async function openLstm(
  files: Readonly<Record<string, Uint8Array>>,
  options: LstmOptions = {},
): Promise<Detector> {
  const { nodesMax = NODES_MAX, batchMax = BATCH_MAX, waitingMax = WAITING_MAX } = options
  const form = formOf(files)
  const session = await openSession(files['step.onnx'], { threads: options.threads ?? 1 })
  const network = stepNetwork(session, form, batchMax)
  const known = new Map<string, NodeState>()
  const { metrics } = form.plan
  const values = new Float64Array(metrics.length)
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()

  /** The node's state, as the latest one; makes room where a node is new. */
  function stateOf(node: string): NodeState {
    let found = known.get(node)
    if (found) known.delete(node)
    else {
      const oldest = known.size >= nodesMax ? known.keys().next() : undefined
      if (oldest && !oldest.done) known.delete(oldest.value)
      found = { stream: createFeatureStream(form.plan), state: network.emptyState(), at: -Infinity, samples: 0 }
    }
    known.set(node, found)
    return found
  }

  /** Puts a sample into the next run; says what there is to say where it does not belong there. */
  function take({ node, at, metrics: sent }: NodeSample, row: number): NodeState | null {
    const state = stateOf(node)
    if (at <= state.at) return null
    if (at - state.at > form.gapSeconds * 1000) {
      for (const part of state.state) part.fill(0)
      state.samples = 0
    }
    state.at = at
    state.samples++
    for (const [m, metric] of metrics.entries()) values[m] = sent[metric] ?? NaN
    scaleInto(form.scaler, state.stream.push(at, values), network.sample, row * network.features)
    return state
  }

  async function run(samples: readonly NodeSample[]): Promise<NodeScore[]> {
    const scores: NodeScore[] = new Array<NodeScore>(samples.length)
    let left = Array.from(samples, (_, i) => i)
    while (left.length > 0) {
      const busy = new Set<string>()
      const later: number[] = []
      const rows: { readonly sample: number; readonly state: NodeState }[] = []
      for (const i of left) {
        const { node } = samples[i]
        if (busy.has(node) || rows.length === batchMax) {
          // A node whose sample waits has all its later ones wait.
          busy.add(node)
          later.push(i)
          continue
        }
        const state = take(samples[i], rows.length)
        if (state === null) scores[i] = { kind: 'late' }
        else {
          busy.add(node)
          rows.push({ sample: i, state })
        }
      }
      if (rows.length > 0) {
        const logits = await network.step(rows.map(({ state }) => state.state))
        for (const [row, { sample, state }] of rows.entries())
          scores[sample] = scoreOf(logits[row], state.samples, form)
      }
      left = later
    }
    return scores
  }

  return {
    form,
    get nodes() {
      return known.size
    },
    async step(samples) {
      if (waiting + samples.length > waitingMax) throw new Fault('overloaded', { retryAfterSeconds: 1 })
      waiting += samples.length
      const mine = turn.then(() => run(samples))
      turn = mine.catch(() => undefined)
      try {
        return await mine
      } finally {
        waiting -= samples.length
      }
    },
    forget: (node) => void known.delete(node),
    async close() {
      await turn
      await session.close()
    },
  }
}

function scoreOf(logit: number, samples: number, { length, threshold }: DetectorForm): NodeScore {
  if (samples < length) return { kind: 'learning', samples, of: length }
  const probability = 1 / (1 + Math.exp(-logit))
  return { kind: 'scored', logit, probability, anomalous: probability >= threshold }
}

function formOf(files: Readonly<Record<string, Uint8Array>>): DetectorForm {
  if (!files['step.onnx'] || !files['features.json']) throw new Error('it lacks step.onnx or features.json')
  return readDetectorForm(new TextDecoder().decode(files['features.json']))
}

/** The network with room for a batch: rows are gathered from the nodes' states, stepped, and put back. */
function stepNetwork(session: Session, { scaler, hidden }: DetectorForm, batchMax: number) {
  const names = stateNames(LAYERS)
  const features = scaler.features.length
  const sample = new Float32Array(batchMax * features)
  const logit = new Float32Array(batchMax)
  const before = names.map(() => new Float32Array(batchMax * hidden))
  const after = names.map(() => new Float32Array(batchMax * hidden))
  const tensors = (rows: number, prefix: string, buffers: readonly Float32Array[]): Record<string, RunTensor> =>
    Object.fromEntries(
      names.map((name, i) => [
        `${prefix}${name}`,
        runTensor('float32', buffers[i].subarray(0, rows * hidden), [1, rows, hidden]),
      ]),
    )
  return {
    features,
    sample,
    emptyState: () => names.map(() => new Float32Array(hidden)),
    /** @param states [rows] replaced by the next ones */
    async step(states: readonly (readonly Float32Array[])[]): Promise<Float32Array> {
      const rows = states.length
      for (const [row, state] of states.entries())
        for (const [i, part] of state.entries()) before[i].set(part, row * hidden)
      await session.run(
        {
          sample: runTensor('float32', sample.subarray(0, rows * features), [rows, features]),
          ...tensors(rows, '', before),
        },
        { logit: runTensor('float32', logit.subarray(0, rows), [rows, 1]), ...tensors(rows, 'next_', after) },
      )
      for (const [row, state] of states.entries())
        for (const [i, part] of state.entries()) part.set(after[i].subarray(row * hidden, (row + 1) * hidden))
      return logit
    },
  }
}
