/**
 * The one place that imports ONNX Runtime: a session over the bytes of a model, run on tensors that the caller owns.
 *
 * `run` is a synchronous native call behind a promise: the thread does nothing else meanwhile. Serve from worker
 * threads, and train in a process of its own. Between two runs the event loop gets its turn.
 */
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import { Fault } from '../domain/faults.ts'

/** A view on the values of a run: read or written in place, never copied. May lie in WebAssembly or shared memory. */
export type RunTensor = RuntimeTensor

export type RunTensors = Readonly<Record<string, RunTensor>>

/** What holds the values of each element type. */
export interface RunValues {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly int64: BigInt64Array
  readonly int32: Int32Array
  readonly uint8: Uint8Array
  readonly int8: Int8Array
  readonly bool: Uint8Array
}

export interface SessionOptions {
  /** That share each operator's work; 1 by default. */
  readonly threads?: number
  /**
   * Whether idle threads burn their core while they wait for the next operator. It makes a step of many small operators
   * faster on a machine of one's own, and everything else slower. Default: no.
   */
  readonly spinning?: boolean
  /** Keeps what a run allocated for the next one. Default: yes. */
  readonly arena?: boolean
  /**
   * Plans all intermediate values of a shape into one block. Costs a third more resident memory at equal speed when
   * training, and pays where a session sees one shape only. Default: no.
   */
  readonly memoryPattern?: boolean
  /** Which rewriting of the graph is allowed; `all` fuses. Default: `all`. */
  readonly optimise?: 'disabled' | 'basic' | 'extended' | 'all'
  /** Where to write the graph as it was rewritten. */
  readonly optimisedPath?: string
  /** Where to write a trace of every operator of every run, as `<prefix>_<time>.json` when the session is closed. */
  readonly profilePrefix?: string
  /** The numbers behind symbolic dimensions, where they are known. */
  readonly dimensions?: Readonly<Record<string, number>>
  /** Session configuration of ONNX Runtime by its own names (onnxruntime_session_options_config_keys.h). */
  readonly settings?: Readonly<Record<string, string>>
}

export interface OutputType {
  readonly name: string
  readonly type: RunTensor['type']
  readonly shape: readonly (number | string)[]
}

export interface Session {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** What the runtime knows of each output before a run; a symbolic dimension is its name. */
  readonly outputTypes: readonly OutputType[]
  /**
   * @param feeds   every input by its name
   * @param fetches tensors that outputs are written into, or the names of the outputs to allocate and return (only these
   *                are computed); all outputs where it is left out
   */
  run(feeds: RunTensors, fetches?: RunTensors | readonly string[]): Promise<RunTensors>
  close(): Promise<void>
}

/** Opens a session on an encoded ONNX model, or on the path of one (its external data lies beside it). */
export async function openSession(model: Uint8Array | string, options: SessionOptions = {}): Promise<Session> {
  const asked = runtimeOptions(options)
  let session: InferenceSession
  try {
    // Twice the same: the overloads take a path or bytes, not a union of them.
    session = await (typeof model === 'string'
      ? InferenceSession.create(model, asked)
      : InferenceSession.create(model, asked))
  } catch (cause) {
    throw new Fault('model_unsupported', {
      say: `ONNX Runtime does not take the model: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    })
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    // Sequences and maps, which are no tensors, come from classical learners only.
    outputTypes: session.outputMetadata.filter((output) => output.isTensor),
    run: (feeds, fetches) => {
      if (fetches === undefined) return session.run(feeds)
      // The array is only read; the runtime's type lacks `readonly`.
      return Array.isArray(fetches)
        ? session.run(feeds, fetches as string[])
        : session.run(feeds, fetches as RunTensors)
    },
    close: async () => {
      if (options.profilePrefix !== undefined) session.endProfiling()
      await session.release()
    },
  }
}

/** A tensor over these values, without a copy. */
export function runTensor<T extends keyof RunValues>(
  type: T,
  values: RunValues[T],
  shape: readonly number[],
): RunTensor {
  // The runtime's overloads list each type with its array; this signature says the same once.
  const make = RuntimeTensor as unknown as new (type: T, values: RunValues[T], shape: readonly number[]) => RunTensor
  return new make(type, values, shape)
}

/** The values of a result. Throws where it has another type: that is a bug of the caller. */
export function valuesOf<T extends keyof RunValues>(type: T, tensor: RunTensor): RunValues[T] {
  if (tensor.type !== type) throw new TypeError(`The tensor holds ${tensor.type}, not ${type}`)
  return tensor.data as RunValues[T] // its type says which array it has
}

/**
 * Processors before VNNI add pairs of u8 × s8 products in 16 bits, which overflow. With `x64quantprecision` the runtime
 * turns the weights into u8, which is right, and takes twice as long (microsoft/onnxruntime, pull request 12088). It does
 * so on AMD processors that have VNNI, too, so it is asked only where there is none. What is not Linux does not say.
 */
const HAS_VNNI = process.platform === 'linux' && /\b(avx512_vnni|avx_vnni)\b/.test(cpuFlags())

function cpuFlags(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}

function runtimeOptions(options: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimise ?? 'all',
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.memoryPattern ?? false,
    // Errors only: warnings about graphs go to standard error, past every log of ours.
    logSeverityLevel: 3,
    ...(options.optimisedPath === undefined ? {} : { optimizedModelFilePath: options.optimisedPath }),
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    ...(options.dimensions === undefined ? {} : { freeDimensionOverrides: options.dimensions }),
    extra: {
      'session.intra_op.allow_spinning': options.spinning ? '1' : '0',
      ...(HAS_VNNI ? {} : { 'session.x64quantprecision': '1' }),
      ...options.settings,
    },
  }
}
