/** How the server stops without losing a request that it took in. */
import { Server } from 'node:net'
import type { Api } from './context.ts'

/** Time for what is on its way over connections that are open: two round trips to the other side of the world. */
const LINGER_MS = 500
const LOOK_MS = 10

/**
 * Stops listening, so that new connections are refused; answers what still comes over the open ones for a moment, each
 * answer with `Connection: close` (see `secure`); then closes the app, which waits for the answers under way. What has no
 * answer within the limit is cut off.
 *
 * Node's own close() would cut idle connections at once, and with them requests that are on their way over these.
 */
export async function drain(app: Api, others: readonly Server[], secondsMax: number): Promise<void> {
  const { server } = app
  const cut = setTimeout(() => server.closeAllConnections(), secondsMax * 1000)
  Server.prototype.close.call(server)
  for (const other of others) other.close()
  const lingerEnds = performance.now() + Math.min(LINGER_MS, secondsMax * 500)
  while (performance.now() < lingerEnds && (await connections([server, ...others])) > 0) await pause(LOOK_MS)
  // Node's close() ends the connections that are idle at that moment, and leaves those that become idle later open.
  const sweep = setInterval(() => server.closeIdleConnections(), LOOK_MS)
  await app.close()
  clearInterval(sweep)
  clearTimeout(cut)
}

async function connections(servers: readonly Server[]): Promise<number> {
  let open = 0
  for (const server of servers)
    open += await new Promise<number>((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
    })
  return open
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
