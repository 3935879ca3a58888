import type { AddressInfo, Server, Socket } from 'node:net'

const LOOPBACK = '127.0.0.1'
/** Below the ports that outgoing connections are given, so that a remembered port is free at the next start. */
const FIRST_LASTING_PORT = 21_100
const LASTING_PORTS = 10_000

export type PortChoice =
  /** That port, or an error. 0: any. */
  | { port: number }
  /** That port if it is free, else the first free one that is fit to be remembered. */
  | { lasting: number | undefined }

const isTaken = (error: unknown) => (error as NodeJS.ErrnoException).code === 'EADDRINUSE'

async function listenOn(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, LOOPBACK, 1_000, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return (server.address() as AddressInfo).port
}

/** Servers on the loopback address that can be stopped at once, whoever is connected. */
export class Listeners {
  private readonly servers: Server[] = []
  private readonly sockets = new Set<Socket>()

  /** Returns the port. Throws what listening throws. */
  async listen(server: Server, choice: PortChoice): Promise<number> {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    const port = 'port' in choice ? await listenOn(server, choice.port) : await this.lasting(server, choice.lasting)
    this.servers.push(server)
    return port
  }

  private async lasting(server: Server, wanted: number | undefined): Promise<number> {
    const from = FIRST_LASTING_PORT + this.servers.length
    const candidates = [...(wanted ? [wanted] : []), ...Array.from({ length: LASTING_PORTS }, (_, at) => from + at)]
    for (const port of candidates) {
      try {
        return await listenOn(server, port)
      } catch (error) {
        if (!isTaken(error)) throw error
      }
    }
    throw new Error(`no free port from ${from} on`)
  }

  async stop(): Promise<void> {
    const closed = this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const socket of this.sockets) socket.destroy()
    await Promise.all(closed)
  }
}
