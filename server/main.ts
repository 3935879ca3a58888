import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { App } from './app'
import { readConfig } from './config'
import { makeHttp } from './http'
import { runUntilSignal } from './process'

/** The service: GraphQL, websocket and dashboard on one port, and a worker inside unless told otherwise. */
runUntilSignal(async (log) => {
  const config = readConfig()
  log.level = config.logLevel
  const app = await App.open(config, log)
  const http = await makeHttp(app)
  await http.listen({ port: config.port, host: config.host })
  if (config.workerInside) await app.startWork()
  // only what is printed right away is made: a start that fails before it would take the password with it
  const first = await app.services.users.createFirstAdministrator()
  const { port } = http.server.address() as AddressInfo
  const host = config.host === '0.0.0.0' ? '127.0.0.1' : config.host
  // on lines of their own, for people and scripts; the password is nowhere else and is never shown again
  process.stdout.write(`dashboard ${config.publicUrl ?? `http://${host}:${port}`}\n`)
  if (first) process.stdout.write(`sign-in ${first.name} ${first.password}\n`)
  return async (graceMs) => {
    await http.close()
    await app.close(graceMs)
  }
})
