/** GET /events: server-sent events of what happens now. */
import { EventsQuery } from '@barometer/wire'
import type { FeedBatch } from '../loop/feed.ts'
import type { Api, ApiNeeds } from './context.ts'
import { eventStreams, eventText } from './eventStream.ts'

export function eventRoutes(app: Api, { feed }: ApiNeeds): void {
  const begin = eventStreams(app, 'live streams')

  app.get(
    '/events',
    {
      config: { scope: 'read' },
      // A stream has no answer to HEAD: there is nothing whose end would send the headers.
      exposeHeadRoute: false,
      schema: {
        operationId: 'watchEvents',
        summary:
          'Live: server-sent events `prediction`, `feedback`, `stage` and `skipped`; `after` goes on from an id, or says `reset`',
        tags: ['log'],
        querystring: EventsQuery,
      },
    },
    (request, reply) => {
      const stream = begin(request, reply)
      const header = request.headers['last-event-id']
      // EventSource asks again at the same address, with the newer id in the header.
      const after = (typeof header === 'string' ? header : undefined) ?? request.query.after ?? null
      let skipped = 0
      const { missed, leave } = feed.watch((batch) => {
        if (stream.isBehind) {
          skipped += predictionsOf(batch)
          return
        }
        if (skipped > 0) stream.send(eventText('skipped', { predictions: skipped }))
        skipped = 0
        stream.send(textOf(batch))
      }, after)
      stream.ended.addEventListener('abort', leave, { once: true })
      stream.send(missed === null ? eventText('reset', {}) : textOf(missed))
    },
  )
}

/** The text of a batch, made once for all who watch. */
const made = new WeakMap<FeedBatch, string>()

function textOf(batch: FeedBatch): string {
  const known = made.get(batch)
  if (known !== undefined) return known
  const text = batch.map(({ id, event, body }) => eventText(event, body, id)).join('')
  made.set(batch, text)
  return text
}

/** How many predictions a batch shows or counts. */
function predictionsOf(batch: FeedBatch): number {
  return batch.reduce((sum, { event, body }) => {
    if (event === 'prediction') return sum + 1
    return event === 'skipped' && 'predictions' in body ? sum + Number(body.predictions) : sum
  }, 0)
}
