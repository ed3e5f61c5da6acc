/** How server-sent events begin (WHATWG HTML, section 9.2). */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/** How long a client waits before it asks again. */
const RETRY_MS = 2000

/** Takes the reply over, with the headers that it has, and sends the first line. The caller ends it. */
export function openEventStream(reply: Pick<FastifyReply, 'hijack' | 'raw' | 'getHeaders'>): ServerResponse {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders), // Fastify's own type, without its legacy index
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  raw.write(`retry: ${RETRY_MS}\n\n`)
  return raw
}
