/** The page: what Vite built, sent from memory under long-lived names. */
import { existsSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { Fault } from '../domain/faults.ts'
import type { Api } from './context.ts'
import { sharedFile } from './sharedFiles.ts'

const YEAR_SECONDS = 365 * 24 * 3600

/** Without a built page (a server alone) the address answers with a fault that says how to build it. */
export function pageRoutes(app: Api, folder: string): void {
  const hidden = { config: { scope: 'public' }, schema: { hide: true } } as const
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', hidden, () => {
      throw new Fault('route_unknown', {
        say: 'The page was not built; `npm run build` builds it. The API works without it.',
      })
    })
    return
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const url = path.slice(folder.length).replaceAll(sep, '/')
    // Built files carry a hash in their names and never change; the others are asked for each time.
    const cache = url.startsWith('/assets/') ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache'
    const handler = sharedFile(path, cache)
    app.get(url, hidden, handler)
    if (url === '/index.html') app.get('/', hidden, handler)
  }
}
