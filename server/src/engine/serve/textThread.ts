/**
 * One thread that scores texts: it opens a session for each model and runs the batches that it is sent, one after
 * another. A run blocks the thread, never the event loop of the server.
 */
import { getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { openSession, type RunTensor, type RunTensors, runTensor, type Session, valuesOf } from '../session.ts'
import { firstTokenOnly } from './firstToken.ts'
import type { FromThread, ModelForm, ModelSource, TextBatch, ThreadData, ToThread } from './messages.ts'
import { modelBytes } from './modelBytes.ts'

interface OpenModel {
  readonly form: ModelForm
  readonly narrow: Session
  /** Spreads each operator over the cores; null where it would be the same. */
  readonly wide: Session | null
  readonly packed: boolean
}

const port = parentPort
if (port === null) throw new Error('textThread.ts runs as a worker thread only')
const { niceness } = workerData as ThreadData // scoringPool.ts starts this thread, with exactly this
lowerPriority(niceness)

const models = new Map<number, OpenModel>()
const buffers = { ids: new BigInt64Array(0), mask: new BigInt64Array(0), types: new BigInt64Array(0) }

/** One message after another, although opening a model takes its time. */
let turn = Promise.resolve()
port.on('message', (message: ToThread) => {
  turn = turn.then(() => take(message))
})

async function take(message: ToThread): Promise<void> {
  switch (message.kind) {
    case 'open':
      return answer(
        await open(message.source, message.form, message.wideThreads).then(
          (model) => {
            models.set(message.model, model)
            return { kind: 'opened', model: message.model, packed: model.packed } as const
          },
          (error: unknown) => ({ kind: 'not-opened', model: message.model, why: wordsOf(error) }) as const,
        ),
      )
    case 'close':
      return close(message.model)
    case 'end':
      for (const model of models.keys()) await close(model)
      return process.exit()
    case 'score':
      try {
        const logits = await score(message.model, message.batch, message.wide)
        return answer({ kind: 'scored', logits }, [logits.buffer])
      } catch (error) {
        return answer({ kind: 'not-scored', why: wordsOf(error) })
      }
    default:
      throw new Error(`A scoring thread was asked for ${JSON.stringify(message satisfies never)}`)
  }
}

async function close(id: number): Promise<void> {
  const model = models.get(id)
  models.delete(id)
  await model?.narrow.close()
  await model?.wide?.close()
}

function answer(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

async function open(source: ModelSource, form: ModelForm, wideThreads: number): Promise<OpenModel> {
  const given = modelBytes(source)
  const model = decoded(given)
  const bytes = (model && (await pruned(given, model, form))) ?? given
  const narrow = await openSession(bytes, { threads: 1 })
  const wide =
    wideThreads > 1
      ? await openSession(bytes, {
          threads: wideThreads,
          // Within a run its threads spin for the next operator; between runs they block.
          spinning: true,
          settings: { 'session.force_spinning_stop': '1' },
        })
      : null
  for (const session of [narrow, wide]) if (session !== null) await tryOut(session, form)
  return { form, narrow, wide, packed: model !== null && isPacked(model) }
}

/** Null where our reader does not know the format: ONNX Runtime may, and fails with its own message if not. */
function decoded(bytes: Uint8Array): OnnxModel | null {
  try {
    return decodeModel(bytes)
  } catch {
    return null
  }
}

/** Padding is left out by the one operator that counts what is there (nn/tokens.ts). */
function isPacked({ graph }: OnnxModel): boolean {
  return graph.nodes.some(({ op }) => op === 'NonZero')
}

/** Logits that differ by no more are the same: 8-bit activations get another scale, float32 another order of sums. */
const SAME = 0.1

/** The model without what its classifier does not look at; null where there is no such thing, or the answers differ. */
async function pruned(bytes: Uint8Array, model: OnnxModel, form: ModelForm): Promise<Uint8Array | null> {
  const smaller = firstTokenOnly(model)
  if (smaller === null) return null
  const encoded = encodeModel(smaller)
  try {
    const [before, after] = [await trial(bytes, form), await trial(encoded, form)]
    return before.every((z, i) => Math.abs(z - after[i]) <= SAME * Math.max(1, Math.abs(z))) ? encoded : null
  } catch {
    return null // the model is used as it is
  }
}

/** The logits of two rows, one of them padded. */
async function trial(bytes: Uint8Array, form: ModelForm): Promise<Float32Array> {
  const session = await openSession(bytes, { threads: 1, arena: false })
  try {
    const ids = Int32Array.from({ length: 18 }, (_, i) => (i < 14 ? (i * 7) % 100 : form.padId))
    return await logitsOf(session, { rows: 2, length: 9, lengths: Int32Array.of(9, 5), ids, typeIds: null }, form)
  } finally {
    await session.close()
  }
}

/** The first run of a session takes several times as long as the others; it is made before the first request. */
async function tryOut(session: Session, form: ModelForm): Promise<void> {
  const batch = { rows: 1, length: 2, lengths: Int32Array.of(2), ids: new Int32Array(2), typeIds: null }
  const { length } = await logitsOf(session, batch, form)
  if (length !== form.labels)
    throw new Error(`the model gives ${length} logits, not one for each of ${form.labels} labels`)
}

const OUTPUTS = ['logits']

async function score(id: number, batch: TextBatch, isWide: boolean): Promise<Float32Array<ArrayBuffer>> {
  const model = models.get(id)
  if (model === undefined) throw new Error('the model is not open')
  return logitsOf(isWide ? (model.wide ?? model.narrow) : model.narrow, batch, model.form)
}

async function logitsOf(session: Session, batch: TextBatch, form: ModelForm): Promise<Float32Array<ArrayBuffer>> {
  const seen = await session.run(feedsOf(batch, form), OUTPUTS)
  // A copy that can be handed over: the original lies in memory of the runtime.
  return Float32Array.from(valuesOf('float32', seen['logits']))
}

function feedsOf({ rows, length, lengths, ids, typeIds }: TextBatch, { inputs }: ModelForm): RunTensors {
  const size = rows * length
  if (buffers.ids.length < size) for (const name of NAMES) buffers[name] = new BigInt64Array(2 * size)
  const shape = [rows, length]
  const feed = (values: BigInt64Array): RunTensor => runTensor('int64', values.subarray(0, size), shape)
  // 64 bits as two words of 32, the low one first: ids are small, and writing numbers is faster than writing bigints.
  const words = new Int32Array(buffers.ids.buffer)
  for (let i = 0; i < size; i++) words[2 * i] = ids[i]
  buffers.mask.fill(0n, 0, size)
  for (let row = 0; row < rows; row++) buffers.mask.fill(1n, row * length, row * length + lengths[row])
  const feeds: Record<string, RunTensor> = { input_ids: feed(buffers.ids), attention_mask: feed(buffers.mask) }
  if (inputs.includes('token_type_ids')) {
    buffers.types.fill(0n, 0, size)
    if (typeIds !== null) for (let i = 0; i < size; i++) buffers.types[i] = BigInt(typeIds[i])
    feeds['token_type_ids'] = feed(buffers.types)
  }
  return inputs.length === Object.keys(feeds).length
    ? feeds
    : Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.includes(name)))
}

const NAMES = ['ids', 'mask', 'types'] as const

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Of this thread alone, where the system has a priority for each thread (Linux); elsewhere nothing is changed. */
function lowerPriority(by: number): void {
  if (by === 0 || process.platform !== 'linux') return
  setPriority(0, Math.min(19, getPriority(0) + by))
}
