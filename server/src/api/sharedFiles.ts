/** Files that do not change while the server runs: each is read once, and all answers share its one buffer. */
import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'

/** What the built page and the page of the documents consist of. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** Something to send many times. */
export interface SharedAnswer {
  readonly body: Buffer
  readonly type: string
  /** RFC 9110, 8.8.3; of the content, so that it holds over a restart. */
  readonly etag: string
}

export function sharedAnswer(body: Buffer | string, name: string): SharedAnswer {
  const bytes = Buffer.from(body)
  return {
    body: bytes,
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    etag: `"${hash('sha256', bytes, 'base64url').slice(0, 22)}"`,
  }
}

/** Sends it, or says that the caller has it already. */
export function sendShared(answer: SharedAnswer, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('etag', answer.etag)
  if (hasIt(request.headers['if-none-match'], answer.etag)) return reply.code(304).send()
  return reply.type(answer.type).send(answer.body)
}

/** RFC 9110, 13.1.2: a list, `*`, and weak tags that match all the same. */
function hasIt(header: string | undefined, etag: string): boolean {
  return (
    header !== undefined &&
    header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
  )
}

/** A route's handler for one file. It is read at the first request; a reading that fails is tried again at the next. */
export function sharedFile(path: string, cacheControl: string): RouteHandlerMethod {
  let reading: Promise<SharedAnswer> | null = null
  return async (request, reply) => {
    reading ??= readFile(path).then((bytes) => sharedAnswer(bytes, path))
    let answer: SharedAnswer
    try {
      answer = await reading
    } catch (error) {
      reading = null
      throw error
    }
    reply.header('cache-control', cacheControl)
    return sendShared(answer, request, reply)
  }
}
