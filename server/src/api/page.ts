/** The page: what Vite built, served from memory-mapped files with long-lived names. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { Fault } from '../domain/faults.ts'
import type { Api } from './context.ts'

const YEAR_MS = 365 * 24 * 3_600_000

/** Without a built page (a server alone) the address answers with a fault that says how to build it. */
export async function pageRoutes(app: Api, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', { config: { scope: 'public' }, schema: { hide: true } }, () => {
      throw new Fault('route_unknown', {
        say: 'The page was not built; `npm run build` builds it. The API works without it.',
      })
    })
    return
  }
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, scope: 'public' }
    route.schema = { ...route.schema, hide: true }
  })
  await app.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    // Built files carry a hash in their names and never change; index.html is asked for each time.
    setHeaders(reply, path) {
      if (path.includes('/assets/')) reply.header('cache-control', `public, max-age=${YEAR_MS / 1000}, immutable`)
      else reply.header('cache-control', 'no-cache')
    },
  })
}
