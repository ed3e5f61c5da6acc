/**
 * One thread that scores texts: it opens a session for each model and runs the batches that it is sent, one after
 * another. A run blocks the thread, never the event loop of the server.
 */
import { getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { openSession, type RunTensor, type RunTensors, runTensor, type Session, valuesOf } from '../session.ts'
import type { FromThread, ModelForm, ModelSource, TextBatch, ThreadData, ToThread } from './messages.ts'
import { modelBytes } from './modelBytes.ts'

interface OpenModel {
  readonly form: ModelForm
  readonly narrow: Session
  /** Spreads each operator over the cores; null where it would be the same. */
  readonly wide: Session | null
}

const port = parentPort
if (port === null) throw new Error('textThread.ts runs as a worker thread only')
const { niceness } = workerData as ThreadData // crew.ts starts this thread, with exactly this
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
            return { kind: 'opened', model: message.model } as const
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
  const bytes = modelBytes(source)
  const narrow = await openSession(bytes, { threads: 1 })
  const wide =
    wideThreads > 1
      ? await openSession(bytes, {
          threads: wideThreads,
          // Within a run its threads wait awake for the next operator; between runs they sleep.
          spinning: true,
          settings: { 'session.force_spinning_stop': '1' },
        })
      : null
  const model = { form, narrow, wide }
  await tryOut(model)
  return model
}

/** The first run of a session takes several times as long as the others; nobody should wait for it. */
async function tryOut({ form, narrow, wide }: OpenModel): Promise<void> {
  const batch = { rows: 1, length: 2, lengths: Int32Array.of(2), ids: new Int32Array(2), typeIds: null }
  for (const session of [narrow, wide]) {
    if (session === null) continue
    const seen = await session.run(feedsOf(batch, form), OUTPUTS)
    const { length } = valuesOf('float32', seen['logits'])
    if (length !== form.labels)
      throw new Error(`the model gives ${length} logits, not one for each of ${form.labels} labels`)
  }
}

const OUTPUTS = ['logits']

async function score(id: number, batch: TextBatch, isWide: boolean): Promise<Float32Array<ArrayBuffer>> {
  const model = models.get(id)
  if (model === undefined) throw new Error('the model is not open')
  const session = isWide ? (model.wide ?? model.narrow) : model.narrow
  const seen = await session.run(feedsOf(batch, model.form), OUTPUTS)
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
