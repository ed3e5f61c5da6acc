import { spawnSync } from 'node:child_process'
/** Jobs in a real process of their own, on a real store: from rows to a version, through stops, crashes and invalid messages. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { uuidv7Source } from '../../domain/ids.ts'
import type { TrainingAsked, TrainingEvent, TrainingRun } from '../../domain/trainingRun.ts'
import { register } from '../../loop/register.ts'
import { seededRandom } from '../../math/random.ts'
import { modelOpener } from '../../serving/openModel.ts'
import { openStore } from '../../store/openStore.ts'
import type { Store, TrainingPlace } from '../../store/store.ts'
import { sample } from '../data/readTexts.ts'
import { checkAsked } from '../recipes/recipe.ts'
import { recipes } from '../recipes/recipes.ts'
import { readFromChild } from './messages.ts'
import { type Outcome, startChild } from './startChild.ts'
import { DEAD_MS, TrainingQueue } from './trainingQueue.ts'
import { type RunNeeds, workOnRun } from './workOnRun.ts'

let home: string
let store: Store
let needs: RunNeeds
const random = seededRandom(1)
const nextId = uuidv7Source(Date.now, () => Math.floor(random() * 2 ** 32))

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'barometer-jobs-'))
  writeFileSync(join(home, 'pets.csv'), pets(300))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** Each test of the group has a store and a state folder of its own. */
const opener = modelOpener({ threads: 1 })
afterAll(() => opener.close())

function onFreshState(): void {
  beforeEach(async () => {
    const state = mkdtempSync(join(home, 'state-'))
    store = await openStore({ url: null, home: state, now: Date.now })
    needs = needsOf(state, 'me')
    return () => store.close()
  })
}

function needsOf(state: string, worker: string): RunNeeds {
  return {
    runs: store.trainingRuns,
    log: store.log,
    runsFolder: join(state, 'training'),
    worker,
    now: Date.now,
    engine: '0.0.0',
    threads: 1,
    niceness: 0,
    stopMs: 5000,
    register: (artifact, by) =>
      register(artifact, by, { store, modelsFolder: join(state, 'models'), now: Date.now, open: opener.open }),
    promote: ({ model, version }, by) => store.registry.promote({ model, version, ...by, at: Date.now() }),
    baseOf: async () => '',
    track: null,
  }
}

function pets(rows: number): string {
  const random = seededRandom(3)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]
  const says = { cat: ['purrs', 'meows'], dog: ['barks', 'wags its tail'] }
  const lines = Array.from({ length: rows }, (_, i) => {
    const kind = pick(['cat', 'dog'] as const) as keyof typeof says // of the two
    return `"the ${pick(['old', 'young', 'loud'])} one ${pick(says[kind])}, number ${i}",${kind}`
  })
  return `text,label\n${lines.join('\n')}\n`
}

function askedFor(given: Partial<TrainingAsked> = {}): TrainingAsked {
  return {
    model: 'pets',
    task: 'pets',
    recipe: 'linear',
    data: [{ kind: 'file', path: join(home, 'pets.csv') }],
    test: null,
    from: null,
    parameters: {},
    seed: 1,
    search: null,
    promote: false,
    why: 'a test',
    ...given,
  }
}

const create = (asked: TrainingAsked, unattended = false) =>
  store.trainingRuns.create({ id: nextId(), asked, who: 'cli:ada', createdAt: Date.now(), unattended })

async function claimed(asked: TrainingAsked): Promise<readonly [TrainingRun, TrainingPlace]> {
  const run = await create(asked)
  const claim = await store.trainingRuns.claim(run.id, { worker: 'me', at: Date.now(), deadBefore: 0 })
  if (claim.kind !== 'taken') throw new Error(claim.kind)
  return [claim.run, claim.place] as const
}

async function work(asked: TrainingAsked, onEvent: (event: TrainingEvent, run: TrainingRun) => void = () => undefined) {
  const [run, place] = await claimed(asked)
  const worked = await workOnRun(
    run,
    place,
    needs,
    { onEvent: (event) => onEvent(event, run) },
    new AbortController().signal,
  )
  const kept = await store.trainingRuns.get(run.id)
  if (kept === null) throw new Error('the run is gone')
  return { worked, run: kept, events: await store.trainingRuns.events(run.id, 0, 10_000) }
}

/** Processes that this one has started, as Linux tells them. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

describe('a run', () => {
  onFreshState()

  const hasIdleClass = process.platform === 'linux' && spawnSync('chrt', ['--version']).status === 0
  test.runIf(hasIdleClass)('runs with all its threads in the idle scheduling class', async () => {
    needs = { ...needs, niceness: 19 }
    const policies: string[] = []
    await work(askedFor(), ({ kind }) => {
      if (kind !== 'point' || policies.length > 0) return
      // Field 41 (man 5 proc_pid_stat), the second being a name in brackets that may hold anything.
      for (const child of childrenOf(process.pid))
        for (const thread of readdirSync(`/proc/${child}/task`))
          policies.push(
            readFileSync(`/proc/${child}/task/${thread}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[38] ?? '',
          )
    })
    expect(policies.length).toBeGreaterThan(1)
    expect(new Set(policies)).toEqual(new Set(['5'])) // SCHED_IDLE
  })

  test('makes a version, keeps its curve, and leaves no folder behind', async () => {
    const { worked, run, events } = await work(askedFor({ promote: true }))
    expect(worked.fault).toBeNull()
    expect(run).toMatchObject({ state: 'succeeded', result: { model: 'pets', version: 1 }, attempts: 1 })
    expect(worked.facts).toMatchObject({ rows: expect.any(Number), features: expect.any(Number) })
    const phases = events.flatMap(({ event }) => (event.kind === 'phase' ? [event.name] : []))
    expect(phases).toEqual(['reading', 'vocabulary', 'fitting', 'calibrating'])
    const points = events.flatMap(({ event }) => (event.kind === 'point' ? [event] : []))
    expect(points.length).toBeGreaterThan(2)
    expect(points.at(-1)?.loss).toBeLessThan(points[0].loss)
    expect(points[0].gradientNorm).toBeGreaterThan(0)
    expect(run.point).toEqual(points.at(-1))
    expect(run.evaluated?.metrics['accuracy']).toBeGreaterThan(0.9)
    expect((await store.registry.production()).get('pets')?.version).toBe(1)
    expect(readdirSync(needs.runsFolder)).toEqual([])
  })

  test('that is taken up again makes the same version', async () => {
    const first = await work(askedFor())
    const [run, place] = [first.run, { seq: 0, points: 0 }]
    const again = await workOnRun(
      run,
      place,
      {
        ...needs,
        runs: { ...needs.runs, append: async () => ({ cancelAsked: false, lost: false }), end: async () => true },
      },
      {},
      new AbortController().signal,
    )
    expect(again.version?.digest).toBe(first.worked.version?.digest)
    expect(await store.registry.models()).toHaveLength(1)
  })

  test('that cannot work says why, with the code of the fault', async () => {
    const { run } = await work(askedFor({ data: [{ kind: 'file', path: join(home, 'nothing.csv') }] }))
    expect(run).toMatchObject({
      state: 'failed',
      fault: { code: 'data_broken', say: expect.stringContaining('nothing.csv') },
    })
  })

  test('learns from the feedback in the log, and says so where there is none', async () => {
    const none = await work(askedFor({ data: [{ kind: 'feedback', task: 'pets' }] }))
    expect(none.run.fault).toMatchObject({ code: 'data_broken', say: 'No prediction of “pets” has feedback.' })
    await work(askedFor())
    const rows = pets(200).trim().split('\n').slice(1)
    const ids = rows.map(() => nextId())
    await store.journal.append(
      rows.map((row, i) => ({
        id: ids[i],
        at: Date.now(),
        task: 'pets',
        model: 'pets',
        version: 1,
        variant: 'champion',
        label: 'cat',
        confidence: 0.9,
        probabilities: [0.9, 0.1],
        latencyMs: 1,
        drift: false,
        text: row.slice(1, row.lastIndexOf('"')),
        textHash: i.toString(16).padStart(16, '0'),
        chars: 9,
        tokens: 3,
        unknown: 0,
        source: null,
        callerId: null,
        keyId: null,
      })),
    )
    await store.journal.feedback(
      rows.map((row, i) => ({
        predictionId: ids[i],
        at: Date.now(),
        label: row.slice(row.lastIndexOf(',') + 1),
        comment: null,
        keyId: null,
      })),
    )
    const { run, worked } = await work(askedFor({ data: [{ kind: 'feedback', task: 'pets' }] }))
    expect(run.fault).toBeNull()
    expect(run.result).toEqual({ model: 'pets', version: 2 })
    expect(worked.artifact?.manifest.data.sources).toEqual([{ name: 'feedback of pets', rows: 200 }])
    expect(worked.artifact?.manifest.evaluations[0].metrics['accuracy'].value).toBeGreaterThan(0.9)
  })

  test('takes texts without labels only where they are of use', () => {
    const log = { data: [{ kind: 'log', task: 'pets' }] } as const
    expect(() => checkAsked(askedFor(log), recipes)).toThrow('of the log take the feedback')
    expect(checkAsked(askedFor({ ...log, recipe: 'distil', from: 'pets@1' }), recipes)).toBe(recipes['distil'])
  })

  test('pre-trains on texts of a file that has no labels, besides its own', async () => {
    const rows = pets(80).split('\n').slice(1)
    const texts = rows.map((row) => row.slice(0, row.lastIndexOf(',')).replace('number', 'unlabelled'))
    writeFileSync(join(home, 'texts.csv'), `what\n${texts.join('\n')}`)
    const data = [...askedFor().data, { kind: 'file', path: join(home, 'texts.csv'), unlabelled: true }] as const
    expect(() => checkAsked(askedFor({ data }), recipes)).toThrow('texts without are of no use')
    const parameters = { pretrainEpochs: 1, epochs: 1, width: 8, heads: 1, inner: 8, vocabulary: 300, maxLength: 16 }
    const { run, worked, events } = await work(askedFor({ recipe: 'transformer', data, parameters }))
    expect(run.fault).toBeNull()
    expect(events.flatMap(({ event }) => (event.kind === 'phase' ? [event.name] : []))).toContain('pre-training')
    expect(worked.artifact?.manifest.data.sources).toContainEqual({ name: 'texts.csv', rows: 80 })
    const without = await work(
      askedFor({ recipe: 'transformer', data, parameters: { ...parameters, pretrainEpochs: 0 } }),
    )
    expect(without.run.fault).toMatchObject({ code: 'bad_request', say: expect.stringContaining('pretrainEpochs') })
  })

  test('looks for better settings, keeps every trial, and ships the best one', async () => {
    const { run, worked } = await work(askedFor({ search: { trials: 5 } }))
    expect(run.fault).toBeNull()
    const trials = await store.trainingRuns.trials(run.id)
    expect(trials.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4])
    expect(trials.every(({ state }) => state === 'complete' || state === 'pruned')).toBe(true)
    const best = trials
      .filter(({ state }) => state === 'complete')
      .reduce((a, b) => (Math.min(...b.values) < Math.min(...a.values) ? b : a))
    expect(worked.facts['trial']).toBe(best.number)
    expect(worked.artifact?.manifest.recipe.parameters['penaltyInverse']).toBe(best.parameters['penaltyInverse'])
  })

  test('is cancelled from anywhere, within a heartbeat', async () => {
    const { run, worked } = await work(askedFor({ search: { trials: 1000 } }), (event, { id }) => {
      if (event.kind === 'trial' && event.number === 2) void store.trainingRuns.cancel(id, Date.now())
    })
    expect(worked.state).toBe('cancelled')
    expect(run.state).toBe('cancelled')
    expect(readdirSync(needs.runsFolder)).toEqual([])
  })

  test.runIf(process.platform === 'linux')(
    'whose process is killed can be resumed; one that keeps crashing on a server fails',
    async () => {
      const [run, place] = await claimed(askedFor({ search: { trials: 1000 } }))
      const killed = (event: TrainingEvent): void => {
        // From the third on: a resumed run does not repeat the trials that are over.
        if (event.kind === 'trial' && event.number >= 2)
          for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL')
      }
      const worked = await workOnRun(run, place, needs, { onEvent: killed }, new AbortController().signal)
      expect(worked).toMatchObject({ state: 'interrupted', fault: { code: 'internal' } })
      expect(await store.trainingRuns.get(run.id)).toMatchObject({ state: 'interrupted', fault: { code: 'internal' } })
      expect(readdirSync(needs.runsFolder)).toEqual([run.id])

      const third = { ...run, attempts: 3, unattended: true }
      const claim = await store.trainingRuns.claim(run.id, { worker: 'me', at: Date.now(), deadBefore: 0 })
      if (claim.kind !== 'taken') throw new Error(claim.kind)
      const last = await workOnRun(third, claim.place, needs, { onEvent: killed }, new AbortController().signal)
      expect(last.state).toBe('failed')
      expect(readdirSync(needs.runsFolder)).toEqual([])
    },
  )

  test('that is interrupted continues with the trials it had', async () => {
    const [run, place] = await claimed(askedFor({ search: { trials: 6 } }))
    const stop = new AbortController()
    const onEvent = (event: TrainingEvent): void => {
      if (event.kind === 'trial' && event.number === 3) stop.abort()
    }
    expect((await workOnRun(run, place, needs, { onEvent }, stop.signal)).state).toBe('interrupted')
    const before = await store.trainingRuns.trials(run.id)
    const claim = await store.trainingRuns.claim(run.id, { worker: 'me', at: Date.now(), deadBefore: 0 })
    if (claim.kind !== 'taken') throw new Error(claim.kind)
    const worked = await workOnRun(claim.run, claim.place, needs, {}, new AbortController().signal)
    expect(worked.state).toBe('succeeded')
    const after = await store.trainingRuns.trials(run.id)
    expect(after).toHaveLength(6)
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3))
  })
})

describe('the queue of a server', () => {
  onFreshState()

  const queue = () => new TrainingQueue({ ...needs, say: () => undefined })
  const until = async (state: TrainingRun['state'], id: string): Promise<void> => {
    for (let i = 0; i < 400; i++) {
      if ((await store.trainingRuns.get(id))?.state === state) return
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    throw new Error(`the run did not become ${state}: ${JSON.stringify(await store.trainingRuns.get(id))}`)
  }

  test('takes what waits for it, stops with the server, and takes it up again', async () => {
    const mine = await create(askedFor())
    const run = await create(askedFor({ search: { trials: 30 } }), true)
    const first = queue()
    await first.poll()
    await first.poll()
    await until('running', run.id)
    await first.close()
    expect((await store.trainingRuns.get(run.id))?.state).toBe('interrupted')
    const second = queue()
    await second.poll()
    await until('succeeded', run.id)
    expect((await store.trainingRuns.get(run.id))?.attempts).toBe(2)
    expect((await store.trainingRuns.get(mine.id))?.state).toBe('queued')
    await second.close()
  })

  test('resumes what a dead process left, and removes the folders of runs that are over', async () => {
    const run = await create(askedFor(), true)
    const long = Date.now() - DEAD_MS - 1000
    await store.trainingRuns.claim(run.id, { worker: 'dead', at: long, deadBefore: 0 })
    mkdirSync(join(needs.runsFolder, 'unknown-run'), { recursive: true })
    const alive = queue()
    await alive.tidy()
    expect(readdirSync(needs.runsFolder)).toEqual([])
    await alive.poll()
    await until('succeeded', run.id)
    await alive.close()
  })
})

describe('a training process', () => {
  const job = () => ({
    asked: askedFor(),
    files: [],
    folder: join(home, 'job'),
    base: null,
    trials: [],
    threads: 1,
    niceness: 0,
    engine: '0.0.0',
    createdAt: '2026-01-01T00:00:00.000Z',
  })
  const outcomeOf = async (source: string, signal = new AbortController().signal, stopMs = 200): Promise<Outcome> => {
    const program = join(home, `child-${nextId()}.mjs`)
    writeFileSync(program, source)
    return startChild(job(), {}, signal, { program, stopMs })
  }

  test('that crashes ends as crashed, with its last output', async () => {
    const outcome = await outcomeOf(`process.on('message', () => { console.error('no memory'); process.exit(3) })`)
    expect(outcome).toMatchObject({ kind: 'crashed', fault: { code: 'internal' } })
    expect(outcome.kind === 'crashed' && outcome.fault.message).toContain('exit code 3. no memory')
    const killed = await outcomeOf(`process.on('message', () => process.kill(process.pid, 'SIGKILL'))`)
    expect(killed.kind === 'crashed' && killed.fault.message).toContain('out of memory?')
  })

  test('that sends invalid messages is ended, and its result is discarded', async () => {
    const outcome = await outcomeOf(
      `process.on('message', () => { process.send({ kind: 'trained', digest: 'x' }); setInterval(() => {}, 1000) })`,
    )
    expect(outcome.kind === 'failed' && outcome.fault.message).toContain('is no message')
  })

  test('that does not stop when asked is killed', async () => {
    const outcome = await outcomeOf(
      `process.on('message', () => {}); process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`,
      AbortSignal.timeout(100),
    )
    expect(outcome.kind).toBe('stopped')
  })

  test('that ends without a word has crashed, whatever its exit code', async () => {
    expect((await outcomeOf(`process.on('message', () => process.exit(0))`)).kind).toBe('crashed')
  })
})

test('messages are read with a schema', () => {
  const point = { kind: 'point', step: 1, epoch: 1, rows: 1, loss: 1, rowsPerSecond: 1, etaSeconds: null }
  expect(readFromChild({ kind: 'event', event: point })).toEqual({ kind: 'event', event: point })
  for (const wrong of [
    null,
    {},
    { kind: 'event', event: { ...point, loss: null } },
    { kind: 'failed', code: 1, say: '' },
  ])
    expect(() => readFromChild(wrong)).toThrow('no message')
})

test.each([
  [{ recipe: 'magic' }, 'no recipe “magic”; there are linear'],
  [{ parameters: { layers: 3 } }, 'has no setting “layers”'],
  [{ parameters: { epochs: 0.5 } }, 'a whole number from 1 to 1000'],
  [{ parameters: { epochs: '3' } }, 'a whole number'],
  [{ from: 'hf:some/model' }, 'cannot start --from'],
  [{ data: [] }, 'needs rows'],
  [{ recipe: 'constructor' }, 'no recipe'],
] as const)('%j is refused before anything starts', (given, says) => {
  expect(() => checkAsked(askedFor(given), recipes)).toThrow(says)
})

test('a sample has as many rows as asked, in their order, the same for a seed', () => {
  const rows = Array.from({ length: 1000 }, (_, i) => i)
  const taken = sample(rows, 100, 5)
  expect(taken).toHaveLength(100)
  expect([...taken].sort((a, b) => a - b)).toEqual(taken)
  expect(sample(rows, 100, 5)).toEqual(taken)
  expect(sample(rows, 100, 6)).not.toEqual(taken)
  expect(sample(rows, 2000, 5)).toBe(rows)
  const mean = taken.reduce((sum, i) => sum + i, 0) / 100
  expect(Math.abs(mean - 499.5)).toBeLessThan(100)
})
