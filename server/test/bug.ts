/** A server with a bug: GET /bug throws an unexpected error. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** What the bug says, and no answer may. */
export const BUG = 'the password is hunter2'

/** Starts a server as always; every server made meanwhile has the route beside its others. */
export async function withBug<T>(start: () => Promise<T>): Promise<T> {
  subscribe('fastify.initialization', addBug)
  try {
    return await start()
  } finally {
    unsubscribe('fastify.initialization', addBug)
  }
}

/** Fastify announces every server it makes. The route is added where a route of ours is, under all that guards it. */
function addBug(message: unknown): void {
  const { fastify } = message as { fastify: FastifyInstance } // what it documents that it publishes there
  fastify.addHook('onRoute', function (this: FastifyInstance, { url, method }: RouteOptions) {
    if (url !== '/health/live' || method !== 'GET') return
    this.get('/bug', { config: { scope: 'public' } }, () => {
      throw new Error(BUG)
    })
  })
}
