import type { AddressInfo, Server } from 'node:net'

/** A server and the way to be rid of its clients. Each knows which socket of a connection is the outermost: Node crashes
 * when the one below a TLS handshake is destroyed. */
export interface MailListener {
  server: Server
  closeClients(): void
}

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
    const end = (error?: Error) => {
      server.off('error', end).off('listening', end)
      if (error) reject(error)
      else resolve()
    }
    server.once('error', end).once('listening', end).listen(port, LOOPBACK, 1_000)
  })
  return (server.address() as AddressInfo).port
}

/** Servers on the loopback address that can be stopped at once, whoever is connected. */
export class Listeners {
  private readonly listening: MailListener[] = []

  /** Returns the port. Throws what listening throws. */
  async listen(listener: MailListener, choice: PortChoice): Promise<number> {
    const { server } = listener
    const port = 'port' in choice ? await listenOn(server, choice.port) : await this.lasting(server, choice.lasting)
    this.listening.push(listener)
    return port
  }

  private async lasting(server: Server, wanted: number | undefined): Promise<number> {
    const from = FIRST_LASTING_PORT + this.listening.length
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
    const closed = this.listening.splice(0).map((listener) => {
      const end = new Promise<void>((resolve) => listener.server.close(() => resolve()))
      listener.closeClients()
      return end
    })
    await Promise.all(closed)
  }
}
