import { beforeEach, expect, test } from 'vitest'
import { Fault } from '../domain/faults.ts'
import type { LoggedPrediction, Prediction } from '../domain/prediction.ts'
import { type ServedModel, servedQueue, servedText } from '../models/servedModel.ts'
import type { Detector } from '../models/telemetry/detector.ts'
import type { QueuedTextModel, Scored, TextModel } from '../models/textModel.ts'
import type { LiveVersion } from '../serving/releases.ts'
import type { Appended } from '../store/store.ts'
import { explain, predictExplained } from './explain.ts'
import { noTurns } from './explanationTurns.ts'
import type { TextSignal } from './ingest.ts'
import { keepsNothing, type PredictionLog } from './log.ts'
import { type Caller, type PredictManyNeeds, predict, predictMany } from './predict.ts'

const labels = ['bad', 'good']
const caller: Caller = { keyId: 'k1', options: { deadlineMs: 1000 } }

/** Good is what says so. */
function scored(text: string): Scored {
  const good = text.includes('good') ? 0.75 : 0.25
  return { label: good > 0.5 ? 1 : 0, probabilities: Float64Array.of(1 - good, good), tokens: 2, unknown: 1 }
}
const explanation = { logits: [0, 0], bias: [0, 0], spans: [], features: [] }
const atOnceModel: TextModel = { labels, score: scored, explain: () => explanation }
const queuedModel: QueuedTextModel = {
  labels,
  submit: (text) => (text.includes('broken') ? Promise.reject(new Fault('timeout')) : Promise.resolve(scored(text))),
  explain: () => Promise.resolve(explanation),
  close: () => Promise.resolve(),
}

const atOnce = servedText(atOnceModel)
const queued = servedQueue(queuedModel)

const noDetector = {} as Detector // is not asked

let holders: number
let happened: string[]
let appended: Prediction[][]
let outcome: (row: Prediction) => Appended
let needs: PredictManyNeeds

function versionWith(served: ServedModel): LiveVersion {
  return {
    name: 'mood',
    number: 3,
    task: 'mood',
    labels,
    digest: 'd',
    served,
    look: () => false,
    hold() {
      holders++
      return { [Symbol.dispose]: () => void holders-- }
    },
  }
}

beforeEach(() => {
  holders = 0
  happened = []
  appended = []
  outcome = () => ({ kind: 'logged' })
  let ids = 0
  const append = (rows: readonly Prediction[]) => {
    happened.push('append')
    appended.push([...rows])
    return Promise.resolve(rows.map((row) => outcome(row)))
  }
  const log: PredictionLog = {
    nextId: () => `id-${++ids}`,
    now: () => 5,
    hashText: () => 'hash',
    keeping: { text: same, name: same },
    journal: { append, appendOne: async (row) => (await append([row]))[0] },
    tally: () => ({ predicted: () => void happened.push('tally') }),
    feed: { prediction: () => void happened.push('feed') },
  }
  needs = {
    limits: { textCharsMax: 40, batchItemsMax: 4 },
    log,
    nowMs: () => performance.now(),
    pause: () => Promise.resolve(),
  }
})

const signal = (text: string, callerId: string | null = null): TextSignal => ({ text, source: null, callerId })
const same = <T>(one: T): T => one

test.each(['at once', 'in a queue'])('a text that is scored %s is counted and shown after its commit', async (how) => {
  const version = versionWith(how === 'at once' ? atOnce : queued)
  const answer = await predict(signal('so good'), caller, version, needs, same)
  expect(answer).toMatchObject({
    repeated: false,
    labels,
    row: { id: 'id-1', model: 'mood', version: 3, label: 'good', confidence: 0.75, keyId: 'k1', text: 'so good' },
  })
  expect(happened).toEqual(['append', 'tally', 'feed'])
  expect(holders).toBe(0)
})

test('a model that scores at once is answered in the turn in which its commit is known', async () => {
  const commit = Promise.withResolvers<Appended>()
  const log = { ...needs.log, journal: { ...needs.log.journal, appendOne: () => commit.promise } }
  let answered = false
  void predict(signal('good'), caller, versionWith(atOnce), { ...needs, log }, () => {
    answered = true
  })
  commit.resolve({ kind: 'logged' })
  expect(answered).toBe(false)
  await Promise.resolve() // one turn of promises, no more
  expect(answered).toBe(true)
})

test.each([
  ['   ', 'empty_text'],
  ['x'.repeat(41), 'text_too_long'],
])('a text that cannot be taken in leaves no trace (%j)', (text, code) => {
  expect(() => predict(signal(text), caller, versionWith(atOnce), needs, same)).toThrow(
    expect.objectContaining({ code }),
  )
  expect(happened).toEqual([])
})

test('a repeated id is answered by the first prediction, and neither counted nor shown', async () => {
  const first = { id: 'first', label: 'bad', labels: ['bad', 'good', 'gone'] } as unknown as LoggedPrediction // all that is read
  outcome = () => ({ kind: 'repeated', first })
  const answer = await predict(signal('good', 'a'), caller, versionWith(atOnce), needs, same)
  expect(answer).toEqual({ row: first, labels: first.labels, repeated: true })
  expect(happened).toEqual(['append'])
})

test('an id that was used for another text is a conflict', async () => {
  outcome = () => ({ kind: 'conflict' })
  await expect(predict(signal('good', 'a'), caller, versionWith(atOnce), needs, same)).rejects.toThrow(
    expect.objectContaining({ code: 'id_conflict' }),
  )
})

test.each(['at once', 'in a queue'])(
  'many texts, scored %s, are one commit; each fault is in its place',
  async (how) => {
    outcome = (row) => (row.callerId === 'used' ? { kind: 'conflict' } : { kind: 'logged' })
    const version = versionWith(how === 'at once' ? atOnce : queued)
    const signals = [signal('a good one'), signal(' '), signal('good', 'used'), signal('no')]
    const answers = await predictMany(signals, caller, version, needs)
    expect(answers.map((one) => (one instanceof Fault ? one.code : one.row.label))).toEqual([
      'good',
      'empty_text',
      'id_conflict',
      'bad',
    ])
    expect(appended).toHaveLength(1)
    expect(holders).toBe(0)
  },
)

test('a text of many that its model cannot score is a fault in its place', async () => {
  const answers = await predictMany([signal('broken'), signal('good')], caller, versionWith(queued), needs)
  expect(answers.map((one) => (one instanceof Fault ? one.code : one.row.label))).toEqual(['timeout', 'good'])
})

test('more texts than may come at once are refused', async () => {
  const five = Array.from({ length: 5 }, () => signal('good'))
  await expect(predictMany(five, caller, versionWith(atOnce), needs)).rejects.toThrow(/5 items; at most 4/)
})

test('while many texts are scored, other work has its turn', async () => {
  let clock = 0
  const slow = { ...needs, nowMs: () => (clock += 3) } // two texts a turn
  let between = false
  setImmediate(() => {
    between = true
  })
  const three = [signal('good'), signal('good'), signal('good')]
  const log = { ...needs.log, journal: { ...needs.log.journal } }
  let sawOther = false
  log.journal.append = (rows) => {
    sawOther = between
    return Promise.resolve(rows.map(() => ({ kind: 'logged' })))
  }
  await predictMany(three, caller, versionWith(atOnce), { ...slow, log })
  expect(sawOther).toBe(true)
})

test.each(['at once', 'in a queue'])('without a log the answer is the same (%s)', async (how) => {
  const version = versionWith(how === 'at once' ? atOnce : queued)
  const logged = await predict(signal('good'), caller, version, needs, same)
  const answer = await predictExplained(signal('good'), caller, version, {
    ...needs,
    log: keepsNothing,
    turns: noTurns,
  })
  expect(answer.row.probabilities).toEqual(logged.row.probabilities)
  expect(answer.explanation).toEqual(explanation)
})

test('what cannot be explained now is refused before anything is logged', async () => {
  const turns = {
    ...noTurns,
    reserve: () => {
      throw new Fault('queue_full')
    },
  }
  const asking = predictExplained(signal('good'), caller, versionWith(atOnce), { ...needs, turns })
  await expect(asking).rejects.toMatchObject({ code: 'queue_full' })
  expect(happened).toEqual([])
})

test('a detector is asked for no label: the fault says what its task is about, and nothing is logged', async () => {
  const detector: ServedModel = { kind: 'detector', labels, detector: noDetector, close: () => Promise.resolve() }
  const version = versionWith(detector)
  const refused = expect.objectContaining({
    code: 'bad_request',
    message: expect.stringMatching(/samples of telemetry/),
  })
  expect(() => predict(signal('good'), caller, version, needs, same)).toThrow(refused)
  await expect(predictMany([signal('good')], caller, version, needs)).rejects.toThrow(refused)
  const releases = { serving: () => version, load: () => Promise.resolve(version) }
  const explainNeeds = {
    limits: needs.limits,
    releases,
    log: { get: () => Promise.resolve(null) },
    keeping: { text: same, name: same },
    nowMs: needs.nowMs,
    turns: noTurns,
    explained: () => undefined,
  }
  const sent = { kind: 'sent', text: 'good', task: 'mood' } as const
  await expect(explain(sent, undefined, caller, explainNeeds)).rejects.toThrow(refused)
  expect(happened).toEqual([])
})
