/** A TCP proxy that can stop forwarding without a word, as a firewall or a dead machine on the way does. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Bytes are taken and go nowhere, on open connections and on new ones. */
  swallow(): void
  /** New connections are forwarded again; those from before stay dead. */
  forward(): void
  /** Resets every connection. */
  cut(): void
  readonly connections: number
  close(): Promise<void>
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const links = new Set<{ dead: boolean }>()
  let swallows = false
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    const link = { dead: swallows }
    links.add(link)
    const pass = (to: Socket) => (chunk: Buffer) => {
      if (!link.dead) to.write(chunk)
    }
    near.on('data', pass(far))
    far.on('data', pass(near))
    near.on('close', () => far.destroy())
    far.on('close', () => {
      links.delete(link)
      if (!link.dead) near.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP, so never a pipe's name
  return {
    port,
    swallow() {
      swallows = true
      for (const link of links) link.dead = true
    },
    forward() {
      swallows = false
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    get connections() {
      return sockets.size / 2
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
