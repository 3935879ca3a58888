import 'reflect-metadata'
import { App } from './app'
import { ConfigError, readConfig } from './config'
import { runUntilSignal } from './process'

/** Jobs and schedules only: run as many as you like beside nodes that serve. They meet at the database and at Redis. */
runUntilSignal(async (log) => {
  const config = readConfig()
  log.level = config.logLevel
  if (!config.redisUrl || config.databaseUrl.startsWith('sqlite:')) {
    throw new ConfigError('A worker of its own needs REDIS_URL and a DATABASE_URL of MySQL or MariaDB')
  }
  const app = await App.open(config, log)
  await app.startWork()
  log.info('The worker is ready')
  return (graceMs) => app.close(graceMs)
})
