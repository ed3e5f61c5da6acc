/** GET /models and the changes of stage. */
import {
  FaultBody,
  ModelBody,
  ModelParameters,
  ModelsAnswer,
  RollbackBody,
  StageBody,
  type StageEventBody,
  StageEventsAnswer,
  StageEventsQuery,
  type VersionBody,
  VersionParameters,
} from '@barometer/wire'
import { Fault } from '../domain/faults.ts'
import { type StageEvent, summaryOf, type Version } from '../domain/version.ts'
import { promote, rollBack } from '../loop/promote.ts'
import type { Api, ApiNeeds } from './context.ts'

const CARD_FILE = 'card.md'
const CARDS_MAX = 1000

export function modelRoutes(app: Api, { store, releases, promoteNeeds, feed, now }: ApiNeeds): void {
  /** By digest: a version never changes, so its card is read once. */
  const cards = new Map<string, string>()
  const answers = { '4xx': FaultBody, '5xx': FaultBody }

  app.get(
    '/models',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listModels',
        summary: 'Every model with its versions, newest first',
        tags: ['models'],
        response: { 200: ModelsAnswer, ...answers },
      },
    },
    async () => {
      const byModel = Map.groupBy(await store.registry.models(), (version) => version.model)
      const targets = await store.registry.rollBackTargets()
      return { models: await Promise.all([...byModel].map(([model, of]) => modelBody(model, of, targets))) }
    },
  )

  app.get(
    '/models/:model',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getModel',
        summary: 'One model with its versions',
        tags: ['models'],
        params: ModelParameters,
        response: { 200: ModelBody, ...answers },
      },
    },
    async (request) => modelNamed(request.params.model),
  )

  app.get(
    '/models/:model/events',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listStageEvents',
        summary: 'Who changed which stage, when and why; newest first',
        tags: ['models'],
        params: ModelParameters,
        querystring: StageEventsQuery,
        response: { 200: StageEventsAnswer, ...answers },
      },
    },
    async (request) => {
      const events = await store.registry.events({
        model: request.params.model,
        limit: request.query.limit ?? 100,
        newestFirst: true,
      })
      if (events.length === 0) throw new Fault('model_unknown')
      return { events: events.map(eventBody) }
    },
  )

  app.post(
    '/models/:model/versions/:version/stage',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'changeStage',
        summary: 'Promote a version to production, or archive it',
        tags: ['models'],
        params: VersionParameters,
        body: StageBody,
        response: { 200: ModelBody, ...answers },
      },
    },
    async (request) => {
      const { model, version } = request.params
      const { action, why = '' } = request.body
      const by = { who: request.callerName, why }
      return changed(
        action === 'promote'
          ? promote({ model, version }, by, promoteNeeds)
          : store.registry.archive({ model, version, ...by, at: now() }),
        model,
      )
    },
  )

  app.post(
    '/models/:model/rollback',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'rollBack',
        summary: 'The version that was in production before takes its place again',
        tags: ['models'],
        params: ModelParameters,
        body: RollbackBody,
        response: { 200: ModelBody, ...answers },
      },
    },
    async (request) => {
      const { model } = request.params
      const by = { who: request.callerName, why: request.body.why ?? '' }
      return changed(rollBack(model, by, promoteNeeds), model)
    },
  )

  /** This process follows at once; the others within a second. */
  async function changed(change: Promise<StageEvent>, model: string): Promise<ModelBody> {
    feed.stage(eventBody(await change))
    await releases.follow()
    return modelNamed(model)
  }

  async function modelNamed(model: string): Promise<ModelBody> {
    const versions = (await store.registry.models()).filter((version) => version.model === model)
    if (versions.length === 0) throw new Fault('model_unknown')
    return modelBody(model, versions, await store.registry.rollBackTargets())
  }

  async function modelBody(
    model: string,
    versions: readonly Version[],
    targets: ReadonlyMap<string, Version>,
  ): Promise<ModelBody> {
    const production = versions.find((version) => version.stage === 'production')
    const target = production === undefined ? undefined : targets.get(production.task)
    return {
      model,
      task: versions[0].task,
      production: production?.version ?? null,
      roll_back_to: target === undefined ? null : { model: target.model, version: target.version },
      versions: await Promise.all([...versions].sort((a, b) => b.version - a.version).map(versionBody)),
    }
  }

  async function versionBody(version: Version): Promise<VersionBody> {
    const { manifest } = version
    const { data, recipe } = manifest
    return {
      model: version.model,
      version: version.version,
      task: version.task,
      stage: version.stage,
      kind: manifest.kind,
      labels: [...manifest.labels],
      digest: version.digest,
      made_at: new Date(manifest.createdAt).toISOString(),
      created_at: new Date(version.createdAt).toISOString(),
      serving: releases.isServing(version.digest),
      recipe: recipe.name,
      data: { rows: data.rows, sha256: data.sha256, sources: data.sources.map((source) => ({ ...source })) },
      calibration: { ...manifest.calibration },
      evaluations: manifest.evaluations.map(({ confusion, metrics, ...evaluation }) => ({
        ...evaluation,
        metrics: { ...metrics },
        ...(confusion === undefined ? {} : { confusion: confusion.map((row) => [...row]) }),
      })),
      bytes: Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0),
      card: await cardOf(version),
    }
  }

  async function cardOf(version: Version): Promise<string | null> {
    if (version.manifest.files[CARD_FILE] === undefined) return null
    const known = cards.get(version.digest)
    if (known !== undefined) return known
    try {
      const { files } = await releases.artifact(version)
      const card = new TextDecoder().decode(files[CARD_FILE])
      if (cards.size < CARDS_MAX) cards.set(version.digest, card)
      return card
    } catch (error) {
      // A broken artifact is shown without its card; that it is broken shows where it is to be loaded.
      if (error instanceof Fault) return null
      throw error
    }
  }
}

function eventBody(event: StageEvent): StageEventBody {
  return { ...event, at: new Date(event.at).toISOString(), summary: summaryOf(event) }
}
