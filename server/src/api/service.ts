/** Health and metrics: what a load balancer and Prometheus ask. */
import { type Check, FaultBody, HealthAnswer } from '@barometer/wire'
import { Type } from 'typebox'
import type { Api, ApiNeeds } from './context.ts'

const MODELS = 'models'
/** How long the result of a check of the store is kept, so that frequent probes cost nothing. */
const CHECK_MS = 1000

export function serviceRoutes(app: Api, needs: ApiNeeds): void {
  const { config, store, releases, boxTasks, metrics, now, nowMs, version, startedAt, isStopping } = needs
  let metricsMaking: Promise<string> | null = null
  let storeChecked: { readonly at: number; readonly check: Promise<Check> } | null = null

  const health = async (): Promise<HealthAnswer> => {
    const checks = [await checkStore(), checkModels(), checkQueue()]
    const status = isStopping() ? 'stopping' : checks.every((check) => check.ok) ? 'healthy' : 'degraded'
    return { status, version, uptime_seconds: Math.max(0, now() - startedAt) / 1000, checks }
  }

  for (const path of ['/health', '/health/ready']) {
    app.get(
      path,
      {
        config: { scope: 'public' },
        schema: {
          operationId: path === '/health' ? 'getHealth' : 'isReady',
          summary: path === '/health' ? 'Is everything well' : 'May traffic be sent here',
          tags: ['service'],
          response: { 200: HealthAnswer, 503: HealthAnswer, '4xx': FaultBody },
        },
      },
      async (_request, reply) => {
        const answer = await health()
        const isWell = path === '/health' ? answer.status === 'healthy' : isReady(answer)
        reply.code(isWell ? 200 : 503).header('cache-control', 'no-store')
        return answer
      },
    )
  }

  app.get(
    '/health/live',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'isAlive',
        summary: 'Does the process answer',
        tags: ['service'],
        response: { 200: Type.Object({ status: Type.Literal('alive') }) },
      },
    },
    (_request, reply) => {
      reply.header('cache-control', 'no-store').send({ status: 'alive' })
    },
  )

  app.get(
    '/metrics',
    {
      config: { scope: config.metricsPublic ? 'public' : 'read' },
      schema: { operationId: 'getMetrics', summary: 'Metrics in the Prometheus text format', tags: ['service'] },
    },
    async (_request, reply) => {
      reply.type(metrics.registry.contentType)
      return metricsText()
    },
  )

  /** Requests that come together share one text: it takes milliseconds to make. */
  function metricsText(): Promise<string> {
    metricsMaking ??= metrics.registry.metrics().finally(() => (metricsMaking = null))
    return metricsMaking
  }

  function checkStore(): Promise<Check> {
    if (storeChecked === null || nowMs() - storeChecked.at > CHECK_MS) {
      const check = store.check().then(
        (): Check => ({ name: 'store', ok: true, detail: store.dialect }),
        (error: unknown): Check => ({
          name: 'store',
          ok: false,
          detail: error instanceof Error ? error.message : 'failed',
        }),
      )
      storeChecked = { at: nowMs(), check }
    }
    return storeChecked.check
  }

  /**
   * Traffic may come while the database and the queue take it and the tasks of the box are served. A model of the
   * user's own that cannot be loaded is told in the checks, and takes nothing from the others.
   */
  function isReady({ status, checks }: HealthAnswer): boolean {
    const others = checks.filter(({ name }) => name !== MODELS)
    return status !== 'stopping' && others.every(({ ok }) => ok) && servesBox()
  }

  function servesBox(): boolean {
    const { tasks, broken } = releases
    return tasks.length > 0 && boxTasks.every((task) => tasks.includes(task) || !broken.has(task))
  }

  function checkModels(): Check {
    const broken = [...releases.broken.keys()]
    if (broken.length > 0) return { name: MODELS, ok: false, detail: `cannot load: ${broken.join(', ')}` }
    const { tasks } = releases
    return {
      name: MODELS,
      ok: tasks.length > 0,
      detail: tasks.length > 0 ? tasks.join(', ') : 'no version in production',
    }
  }

  function checkQueue(): Check {
    const { depth } = store.journal
    return { name: 'queue', ok: depth < config.queueRowsMax * 0.9, detail: `${depth} of ${config.queueRowsMax} rows` }
  }
}
