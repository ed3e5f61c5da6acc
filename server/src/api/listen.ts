/** Opens the address that the server answers at. */
import { lookup } from 'node:dns/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Api } from './context.ts'

/**
 * Listens on the host; on every address of the name `localhost`, because a browser may take ::1 where a program takes
 * 127.0.0.1.
 *
 * @returns what listens beside the app's own server, for its end.
 */
export async function listen(app: Api, host: string, port: number): Promise<readonly Server[]> {
  await app.listen({ host, port })
  if (host !== 'localhost') return []
  const first = app.server.address() as AddressInfo // listening on TCP, so never a pipe's name
  const addresses = await lookup(host, { all: true })
  const others = await Promise.all(
    addresses.filter(({ address }) => address !== first.address).map(({ address }) => open(app, address, first.port)),
  )
  return others.filter((server) => server !== null)
}

/** A listener whose connections are those of the app's server; null where the machine does not have that address. */
function open(app: Api, host: string, port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      app.server.emit('connection', socket),
    )
    server.once('error', () => resolve(null))
    server.listen({ host, port }, () => resolve(server))
  })
}
