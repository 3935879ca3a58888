import { z } from 'zod'
import { type MailSystemOptions, startMailSystem } from './mail-system'

/**
 * The embedded mail system as a process of its own, so that a benchmark's servers do not share the CPU time it counts.
 *
 *     node mail-system-main.js '{"users":1000,"latencyMs":0}'
 *
 * Prints one line of JSON when it listens, {"endpoints", "trustedCertificates", "domain"}, and sends the same to a
 * parent that has a channel. Users are user00001@demo.test ... with the password pw-user00001. Ends on SIGTERM, on
 * SIGINT and when the parent's channel closes.
 */
const optionsSchema = z.strictObject({
  users: z.number().int().min(0).max(100_000).default(100),
  domain: z.string().default('demo.test'),
  latencyMs: z.number().min(0).max(60_000).default(0),
  ports: z.record(z.string(), z.number().int().min(0).max(65_535)).default({}),
})

/** An open channel would keep the process alive. */
function leaveParent(): void {
  if (process.connected) process.disconnect()
}

async function main(): Promise<void> {
  const { users, domain, latencyMs, ports } = optionsSchema.parse(JSON.parse(process.argv[2] ?? '{}'))
  const system = await startMailSystem({
    latencyMs,
    ports: ports as MailSystemOptions['ports'],
    users: Array.from({ length: users }, (_, at) => {
      const name = `user${String(at + 1).padStart(5, '0')}`
      return { address: `${name}@${domain}`, password: `pw-${name}` }
    }),
  })

  let isStopping = false
  const stop = () => {
    if (isStopping) return
    isStopping = true
    // With nothing left open the process ends by itself.
    void system.stop().then(leaveParent)
  }
  process.on('SIGTERM', stop).on('SIGINT', stop).on('disconnect', stop)

  const ready = { endpoints: system.endpoints, trustedCertificates: system.trustedCertificates, domain }
  process.stdout.write(`${JSON.stringify(ready)}\n`)
  process.send?.(ready)
}

main().catch((error: unknown) => {
  process.stderr.write(`mail system: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
  leaveParent()
})
