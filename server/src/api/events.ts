/** GET /events: server-sent events of what happens now. */
import type { ServerResponse } from 'node:http'
import { Fault } from '../domain/faults.ts'
import type { FeedBatch } from '../loop/feed.ts'
import type { Api, ApiNeeds } from './context.ts'
import { openEventStream } from './eventStream.ts'

const WATCHERS_MAX = 100
const HEARTBEAT_MS = 15_000
/** A connection that has this much unread is skipped until it has read. */
const UNREAD_BYTES_MAX = 256 * 1024

export function eventRoutes(app: Api, { feed }: ApiNeeds): void {
  const open = new Set<ServerResponse>()

  app.get(
    '/events',
    {
      config: { scope: 'read' },
      // A stream has no answer to HEAD: there is nothing whose end would send the headers.
      exposeHeadRoute: false,
      schema: {
        summary: 'Live: server-sent events `prediction`, `feedback`, `stage` and `skipped`',
        tags: ['log'],
      },
    },
    (request, reply) => {
      if (open.size >= WATCHERS_MAX)
        throw new Fault('overloaded', { say: `${WATCHERS_MAX} live streams are open already.` })
      const raw = openEventStream(reply)
      open.add(raw)
      let skipped = 0
      const unwatch = feed.watch((batch) => {
        if (raw.writableLength > UNREAD_BYTES_MAX) {
          skipped += batch.events.length + batch.skipped
          return
        }
        raw.write(textOf(batch, skipped))
        skipped = 0
      })
      const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS).unref()
      request.raw.on('close', () => {
        unwatch()
        clearInterval(heartbeat)
        open.delete(raw)
      })
    },
  )

  // A live stream never ends by itself, so a stopping server ends it.
  app.addHook('preClose', (done) => {
    for (const raw of open) raw.end()
    done()
  })
}

/** The text of a batch, made once for all who watch the same batch without having skipped any. */
const made = new WeakMap<FeedBatch, string>()

function textOf(batch: FeedBatch, skippedBefore: number): string {
  let events = made.get(batch)
  if (events === undefined) {
    events = batch.events.map(({ event, body }) => `event: ${event}\ndata: ${JSON.stringify(body)}\n\n`).join('')
    made.set(batch, events)
  }
  const skipped = batch.skipped + skippedBefore
  return skipped === 0 ? events : `${events}event: skipped\ndata: {"predictions":${skipped}}\n\n`
}
