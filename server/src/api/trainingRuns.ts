/** /training-runs: ask for a run, look at it, watch its curves, end it. */
import { realpath } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  FaultBody,
  RunParameters,
  TrainingRunAsk,
  type TrainingRunBody,
  TrainingRunBody as TrainingRunBodySchema,
  TrainingRunDetail,
  TrainingRunsAnswer,
  TrainingRunsQuery,
} from '@barometer/wire'
import { Fault } from '../domain/faults.ts'
import { isUuidv7 } from '../domain/ids.ts'
import {
  isOver,
  type TrainingAsked,
  type TrainingEvaluated,
  type TrainingEvent,
  type TrainingFile,
  type TrainingPoint,
  type TrainingRun,
} from '../domain/trainingRun.ts'
import type { Api, ApiNeeds } from './context.ts'
import { type EventStream, eventStreams, eventText } from './eventStream.ts'

const PAGE_ROWS = 50
/** A curve that is looked at is asked for so often; the run itself is written twice a second. */
const LOOK_MS = 500
const EVENTS_OF_A_LOOK = 500

export function trainingRoutes(app: Api, needs: ApiNeeds): void {
  const { config, store, predictionLog, now, checkTraining } = needs
  const answers = { '4xx': FaultBody, '5xx': FaultBody }

  app.post(
    '/training-runs',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'startTrainingRun',
        summary: 'Train a version, beside the work of the server; runs wait for each other',
        tags: ['training'],
        body: TrainingRunAsk,
        response: { 202: TrainingRunBodySchema, ...answers },
      },
    },
    async (request, reply) => {
      const asked = await askedOf(request.body, join(config.home, 'data'), now())
      const checked = await checkTraining(asked, request.body.quick ?? false)
      const run = await store.trainingRuns.create({
        id: predictionLog.nextId(),
        asked: checked,
        who: request.callerName,
        createdAt: now(),
        unattended: true,
      })
      reply.code(202)
      return runBody(run)
    },
  )

  app.get(
    '/training-runs',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listTrainingRuns',
        summary: 'Training runs, newest first',
        tags: ['training'],
        querystring: TrainingRunsQuery,
        response: { 200: TrainingRunsAnswer, ...answers },
      },
    },
    async ({ query: { model, state, limit = PAGE_ROWS, cursor } }) => {
      if (cursor !== undefined && !isUuidv7(cursor))
        throw new Fault('bad_request', { say: 'The cursor is not one that a page returned.' })
      const filter = { ...(model === undefined ? {} : { model }), ...(state === undefined ? {} : { state }) }
      const runs = await store.trainingRuns.page(filter, limit + 1, cursor ?? null)
      const shown = runs.slice(0, limit)
      return { runs: shown.map(runBody), next: runs.length > limit ? (shown.at(-1)?.id ?? null) : null }
    },
  )

  app.get(
    '/training-runs/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getTrainingRun',
        summary: 'One run, with the trials of its search',
        tags: ['training'],
        params: RunParameters,
        response: { 200: TrainingRunDetail, ...answers },
      },
    },
    async ({ params: { id } }) => {
      const run = await runWith(id)
      const trials = await store.trainingRuns.trials(id)
      return {
        run: runBody(run),
        trials: trials.map(({ number, state, parameters, values }) => ({
          number,
          state,
          parameters: { ...parameters },
          values: [...values],
        })),
      }
    },
  )

  app.post(
    '/training-runs/:id/cancel',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'cancelTrainingRun',
        summary: 'End a run: at once where it waits, within seconds where it is under way',
        tags: ['training'],
        params: RunParameters,
        response: { 200: TrainingRunBodySchema, ...answers },
      },
    },
    async ({ params: { id } }) => runBody(await store.trainingRuns.cancel(id, now())),
  )

  const begin = eventStreams(app, 'streams of runs')
  app.get(
    '/training-runs/:id/events',
    {
      config: { scope: 'read' },
      exposeHeadRoute: false,
      schema: {
        operationId: 'watchTrainingRun',
        summary: 'Server-sent events of a run: what was, then live; `Last-Event-ID` goes on from there',
        tags: ['training'],
        params: RunParameters,
      },
    },
    async (request, reply) => {
      const run = await runWith(request.params.id)
      const after = seqOf(request.headers['last-event-id'])
      // The end was sent; EventSource reconnects by itself until it is answered with 204.
      if (isOver(run.state) && after > 0 && (await store.trainingRuns.events(run.id, after, 1)).length === 0)
        return reply.code(204).send()
      const stream = begin(request, reply)
      try {
        await tell(run.id, after, stream)
      } catch (error) {
        // The store is away: the watcher asks again by itself.
        request.log.warn({ why: error instanceof Error ? error.message : String(error) }, 'a watched run was lost')
      } finally {
        stream.end()
      }
      return reply
    },
  )

  /** All that was, then what comes, until the run is over or the watcher has left. */
  async function tell(id: string, from: number, stream: EventStream): Promise<void> {
    let after = from
    let told = ''
    while (!stream.ended.aborted) {
      // The run is read before its events: once it reads as over, the events after that are its last.
      const run = await runWith(id)
      const events = await store.trainingRuns.events(id, after, EVENTS_OF_A_LOOK)
      after = events.at(-1)?.seq ?? after
      const last = events.length < EVENTS_OF_A_LOOK
      // Its newest point is an event of its own.
      const state = `${run.state} ${run.cancelAsked} ${run.attempts}`
      const changed = last && state !== told
      if (changed) told = state
      for (const { seq, at, event } of events)
        stream.send(eventText(event.kind, { at: new Date(at).toISOString(), ...eventBody(event) }, seq))
      if (changed) stream.send(eventText('run', runBody(run)))
      if (last && isOver(run.state)) return
      if (last || stream.isBehind) await delay(LOOK_MS, undefined, { signal: stream.ended }).catch(() => undefined)
    }
  }

  async function runWith(id: string): Promise<TrainingRun> {
    const run = await store.trainingRuns.get(id)
    if (run === null) throw new Fault('run_unknown')
    return run
  }
}

function seqOf(header: string | string[] | undefined): number {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : 0
}

function eventBody(event: TrainingEvent): object {
  switch (event.kind) {
    case 'point':
      return pointBody(event)
    case 'evaluated':
      return evaluatedBody(event)
    case 'phase':
    case 'note':
    case 'trial': {
      const { kind: _, ...body } = event
      return body
    }
    default:
      return event satisfies never
  }
}

function pointBody(point: TrainingPoint) {
  return {
    step: point.step,
    epoch: point.epoch,
    rows: point.rows,
    loss: point.loss,
    learning_rate: point.learningRate ?? null,
    gradient_norm: point.gradientNorm ?? null,
    rows_per_second: point.rowsPerSecond,
    eta_seconds: point.etaSeconds,
    trial: point.trial ?? null,
  }
}

function evaluatedBody({ epoch, rows, metrics, trial }: TrainingEvaluated) {
  return { epoch, rows, metrics: { ...metrics }, trial: trial ?? null }
}

function runBody(run: TrainingRun): TrainingRunBody {
  const { asked } = run
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString())
  return {
    id: run.id,
    model: asked.model,
    task: asked.task,
    recipe: asked.recipe,
    state: run.state,
    who: run.who,
    why: asked.why,
    created_at: new Date(run.createdAt).toISOString(),
    started_at: time(run.startedAt),
    ended_at: time(run.endedAt),
    attempts: run.attempts,
    cancelling: run.state === 'running' && run.cancelAsked,
    from: asked.from,
    parameters: { ...asked.parameters },
    seed: asked.seed,
    trials_asked: asked.search?.trials ?? null,
    result: run.result,
    fault: run.fault === null ? null : { code: run.fault.code, message: run.fault.say },
    point: run.point === null ? null : pointBody(run.point),
    evaluated: run.evaluated === null ? null : evaluatedBody(run.evaluated),
  }
}

async function askedOf(body: TrainingRunAsk, folder: string, at: number): Promise<TrainingAsked> {
  const { model, data, test, unlabelled } = body
  const task = body.task ?? model
  return {
    model,
    task,
    recipe: body.recipe ?? 'linear',
    data: [
      data.kind === 'file'
        ? await fileOf(data, folder)
        : {
            kind: data.kind,
            task: data.task ?? task,
            ...(data.since === undefined ? {} : { since: Math.min(at, Date.parse(data.since)) }),
          },
      ...(unlabelled === undefined ? [] : [{ ...(await fileOf(unlabelled, folder)), unlabelled: true }]),
    ],
    test: test === undefined ? null : await fileOf(test, folder),
    from: body.from ?? null,
    parameters: body.parameters ?? {},
    seed: body.seed ?? 1,
    search: body.search ?? null,
    promote: body.promote ?? false,
    why: body.why ?? 'asked for over the API',
  }
}

type FileData = Omit<TrainingRunAsk['data'] & { kind: 'file' }, 'kind'>

/** Only what lies below the folder, links followed: a key for training is none for reading the machine's files. */
async function fileOf(data: FileData, folder: string): Promise<TrainingFile> {
  const refused = new Fault('data_broken', { say: `There is no file “${data.path}” in the folder of data.` })
  if (isAbsolute(data.path) || data.path.includes('\0')) throw refused
  const path = await realpath(join(folder, data.path)).catch(() => null)
  const home = await realpath(folder).catch(() => null)
  if (path === null || home === null || !path.startsWith(home + sep)) throw refused
  return {
    kind: 'file',
    path,
    ...(data.text_column === undefined ? {} : { textColumn: data.text_column }),
    ...(data.label_column === undefined ? {} : { labelColumn: data.label_column }),
    ...(data.header === undefined ? {} : { header: data.header }),
    ...(data.format === undefined ? {} : { format: data.format }),
    ...(data.encoding === undefined ? {} : { encoding: data.encoding }),
  }
}
