import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { App } from '../app'
import { operator } from '../auth/auth.service'
import { Role } from '../auth/rights'
import { readConfig } from '../config'
import { makeHttp } from '../http'
import { runUntilSignal } from '../process'
import { markSeeded, openDemoFolder } from './demo-folder'
import { startMailSystem } from './mail-system'
import { sampleUsers } from './sample-data'
import { followPorts, seed } from './seed'

/** The whole product on its embedded defaults, with a mail system of its own: `npm run demo`. */
runUntilSignal(async (log) => {
  const defaults = {
    MAILWARDEN_LOG: 'warn',
    MAILWARDEN_EGRESS_ALLOW: '127.0.0.0/8',
    // the sample organisation's silent and dead servers should tell so while somebody watches
    MAILWARDEN_CONNECT_TIMEOUT_MS: '4000',
    MAILWARDEN_GREETING_TIMEOUT_MS: '4000',
    MAILWARDEN_RESPONSE_TIMEOUT_MS: '8000',
    MAILWARDEN_RECEIVE_TIMEOUT_MS: '6000',
    MAILWARDEN_TEST_TIMEOUT_MS: '20000',
  }
  const demo = openDemoFolder(readConfig(defaults))
  const config = readConfig({ ...defaults, MAILWARDEN_KEYS: demo.keys })
  log.level = config.logLevel
  const system = await startMailSystem({ dataFolder: config.dataFolder, users: sampleUsers() })
  const app = await App.open(config, log)
  if (demo.isSeeded) await followPorts(app, system)
  else {
    const admin = { name: 'admin', password: demo.password, roles: [Role.SYSTEM_ADMINISTRATOR] }
    await app.services.users.create(operator('demo'), admin, 'demo')
    await seed(app, system)
    markSeeded(config.dataFolder, demo)
  }
  const http = await makeHttp(app)
  await http.listen({ port: config.port, host: config.host })
  await app.startWork()
  const { port } = http.server.address() as AddressInfo
  process.stdout.write(`dashboard http://127.0.0.1:${port}\nsign-in admin ${demo.password}\n`)
  return async (graceMs) => {
    await http.close()
    await app.close(graceMs)
    await system.stop()
  }
})
