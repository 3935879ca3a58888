import { randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import type { MailListener } from './listeners'

/** Servers that speak no mail protocol, to prove that a client survives them. */

const ENDLESS_BYTES = 100 * 1024 * 1024

function hostile(serve: (socket: Socket) => void): MailListener {
  const clients = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    clients.add(socket)
    socket.on('error', () => {}).on('close', () => clients.delete(socket))
    serve(socket)
  })
  return {
    server,
    closeClients: () => {
      for (const socket of clients) socket.destroy()
    },
  }
}

/** Takes the connection and never says anything. */
export const createSilentListener = () => hostile((socket) => socket.resume())

/** Says nonsense at once and in answer to everything. */
export const createGarbageListener = () =>
  hostile((socket) => {
    const talk = () => socket.write(Buffer.concat([randomBytes(60), Buffer.from('\r\n')]))
    socket.on('data', talk)
    talk()
  })

/** Sends the start of a greeting one byte a second, without end. */
export const createDrippingListener = () =>
  hostile((socket) => {
    socket.resume()
    const timer = setInterval(() => socket.write('*'), 1_000)
    socket.on('close', () => clearInterval(timer))
  })

/** Sends 100 MB in one line, as fast as it is read. */
export const createEndlessLineListener = () =>
  hostile((socket) => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let left = ENDLESS_BYTES
    socket.resume()
    const pour = () => {
      while (left > 0) {
        left -= chunk.length
        if (!socket.write(chunk)) return
      }
      socket.end('\r\n')
    }
    socket.on('drain', pour)
    pour()
  })
