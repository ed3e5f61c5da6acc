/** What every route is given, and what every request carries. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { Config } from '../config.ts'
import type { Scope } from '../domain/apiKey.ts'
import type { Millis } from '../domain/time.ts'
import type { TrainingAsked } from '../domain/trainingRun.ts'
import type { Feed } from '../loop/feed.ts'
import type { PredictionLog } from '../loop/log.ts'
import type { PromoteNeeds } from '../loop/promote.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Releases } from '../serving/releases.ts'
import type { Store } from '../store/store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Id of the API key that asks; null when the server runs open. Set by the access hook. */
    keyId: string | null
    /** Who asks, in words for the record: the key's name, or `local`. */
    callerName: string
  }
  interface FastifyContextConfig {
    /** What a caller must be allowed to do; `public` for everybody. A route without one is refused at registration. */
    scope?: Scope | 'public'
    /** How large a body it takes: a batch, one text, or (without a word) little. */
    body?: 'batch' | 'text'
  }
}

export interface ApiNeeds {
  readonly config: Config
  readonly store: Store
  readonly releases: Releases
  readonly promoteNeeds: PromoteNeeds
  /** What there is a model in the box for. */
  readonly boxTasks: readonly string[]
  readonly metrics: Metrics
  readonly feed: Feed
  readonly predictionLog: PredictionLog
  /** Refuses what no recipe can do; gives back what is asked, with what `quick` stands for. */
  readonly checkTraining: (asked: TrainingAsked, quick: boolean) => Promise<TrainingAsked>
  /** Monotonic milliseconds with microsecond resolution. */
  readonly nowMs: () => number
  readonly now: () => Millis
  /** Version of Barometer. */
  readonly version: string
  readonly startedAt: Millis
  readonly isStopping: () => boolean
}

/**
 * Hands over what the schema does not describe: an error for the error handler, or a stream. Its value is the reply,
 * by which Fastify knows that an async handler has answered; the types know only the schema's answers, hence `never`.
 */
export function sendRaw(reply: { send(payload: never): unknown }, payload: Error | Readable): never {
  return reply.send(payload as never) as never
}

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
