/** The HTTP server: routes, and what holds for all of them. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import type { Api, ApiNeeds } from './context.ts'
import { describe, docsRoutes } from './docs.ts'
import { eventRoutes } from './events.ts'
import { feedbackRoutes } from './feedback.ts'
import { modelRoutes } from './models.ts'
import { pageRoutes } from './page.ts'
import { predictRoutes } from './predict.ts'
import { predictionRoutes } from './predictions.ts'
import { limits, secure } from './security.ts'
import { serviceRoutes } from './service.ts'
import { statsRoutes } from './stats.ts'
import { trainingRoutes } from './trainingRuns.ts'
import { validatorCompiler } from './validation.ts'

export async function buildApp(needs: ApiNeeds, log: FastifyBaseLogger, pageFolder: string): Promise<Api> {
  const { config } = needs
  const app: Api = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    return503OnClosing: false,
    ...limits(config),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(validatorCompiler())
  // The schemas of the answers are for the documents. V8 writes JSON faster than code compiled from them
  // (docs/decisions/0006-hot-path.md has the measurement), and the types hold the answers to them.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
  countRequests(app, needs)
  await describe(app, needs.version)
  await secure(app, {
    config,
    store: needs.store,
    now: needs.now,
    nowMs: needs.nowMs,
    isStopping: needs.isStopping,
    counted: (code) => needs.metrics.fault(code),
  })
  docsRoutes(app)
  await app.register(async (api) => apiRoutes(api, needs))
  await app.register(async (api) => apiRoutes(api, needs), { prefix: '/v1' })
  pageRoutes(app, pageFolder)
  return app
}

function apiRoutes(app: Api, needs: ApiNeeds): void {
  predictRoutes(app, needs)
  feedbackRoutes(app, needs)
  predictionRoutes(app, needs)
  modelRoutes(app, needs)
  statsRoutes(app, needs)
  trainingRoutes(app, needs)
  eventRoutes(app, needs)
  serviceRoutes(app, needs)
}

/** Counts every request once, by the pattern of its route. */
function countRequests(app: Api, { metrics }: ApiNeeds): void {
  const counters = new Map<string, ReturnType<typeof metrics.route>>()
  const counterOf = (pattern: string) => {
    let counter = counters.get(pattern)
    if (counter === undefined) {
      counter = metrics.route(pattern)
      counters.set(pattern, counter)
    }
    return counter
  }
  app.addHook('onRoute', (route) => {
    counterOf(route.url)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const counter = counterOf(request.routeOptions.url ?? 'unknown')
    counter.requested()
    if (reply.statusCode >= 500) counter.failed()
    done()
  })
}
