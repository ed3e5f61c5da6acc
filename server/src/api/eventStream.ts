/** Server-sent events (WHATWG HTML, section 9.2): how streams begin, how an event is framed, and what ends them. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../domain/faults.ts'
import type { Api } from './context.ts'

const STREAMS_MAX = 100
/** How long a client waits before it asks again. */
const RETRY_MS = 2000
/** An event, not a comment, so that a page notices a connection that died without a word (web/src/api/feed.ts). */
const HEARTBEAT_MS = 15_000
/** A reader that has this much unread is behind. */
const UNREAD_BYTES_MAX = 256 * 1024

export interface EventStream {
  send(text: string): void
  /** The reader has much unread: what is sent now only fills memory. */
  readonly isBehind: boolean
  /** Aborted when the stream has ended, whoever ended it. */
  readonly ended: AbortSignal
  end(): void
}

/** @param id what a client that comes back sends as Last-Event-ID */
export function eventText(event: string, body: object, id?: string | number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(body)}\n\n`
}

const HEARTBEAT = eventText('heartbeat', {})

/**
 * The streams of one route: a bounded number, ended when the server stops, since none ends by itself.
 *
 * @param what what is watched, for the fault of one stream too many
 * @returns what takes a reply over and begins its stream
 */
export function eventStreams(app: Api, what: string) {
  const open = new Set<ServerResponse>()
  app.addHook('preClose', (done) => {
    for (const raw of open) raw.end()
    done()
  })

  return function begin(
    request: Pick<FastifyRequest, 'raw'>,
    reply: Pick<FastifyReply, 'hijack' | 'raw' | 'getHeaders'>,
  ): EventStream {
    if (open.size >= STREAMS_MAX) throw new Fault('overloaded', { say: `${STREAMS_MAX} ${what} are open already.` })
    reply.hijack()
    const { raw } = reply
    const ended = new AbortController()
    open.add(raw)
    raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders), // Fastify's own type, without its legacy index
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const send = (text: string): void => {
      if (!raw.writableEnded) raw.write(text)
    }
    const isBehind = (): boolean => raw.writableLength > UNREAD_BYTES_MAX
    send(`retry: ${RETRY_MS}\n\n`)
    const heartbeat = setInterval(() => isBehind() || send(HEARTBEAT), HEARTBEAT_MS).unref()
    const close = (): void => {
      clearInterval(heartbeat)
      open.delete(raw)
      ended.abort()
    }
    request.raw.on('close', close)
    raw.on('finish', close)
    // A watcher that leaves closes its half; the stream has no end of its own that would show it gone.
    request.raw.socket.once('end', () => raw.end())
    return {
      send,
      get isBehind() {
        return isBehind()
      },
      ended: ended.signal,
      end: () => void raw.end(),
    }
  }
}
