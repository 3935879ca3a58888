import { stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'

/**
 * Brings SQLite's write-ahead log (sqlite.org/wal.html) back into the database file in a thread of its own. Left to itself
 * SQLite does so in the commit that made the log long: after a bulk command that is a gigabyte, and all requests wait for it.
 */
export class WalKeeper {
  private worker: Worker | undefined
  private isAtWork = false
  private isClosed = false

  /** `driver`: where the SQLite package is. `onFault`: the log grows on, but nothing is lost. */
  constructor(
    private readonly file: string,
    private readonly driver: string,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** To be called after a commit; cheap while the log is short. */
  async look(): Promise<void> {
    if (this.isAtWork || this.isClosed) return
    this.isAtWork = true
    try {
      if ((await sizeOf(`${this.file}-wal`)) > LONG_BYTES) await this.checkpoint()
    } catch (error) {
      this.onFault(error)
    } finally {
      this.isAtWork = false
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.worker?.terminate()
  }

  private async checkpoint(): Promise<void> {
    const { file, driver } = this
    const worker = this.worker ?? new Worker(CHECKPOINTER, { eval: true, workerData: { file, driver } })
    if (this.worker === undefined) {
      this.worker = worker
      // it never keeps the process alive
      worker.unref()
    }
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        worker.off('message', done).off('error', failed).off('exit', ended)
        resolve()
      }
      const ended = () => {
        this.worker = undefined
        done()
      }
      const failed = (error: unknown) => {
        reject(error)
        ended()
      }
      worker.once('message', done).once('error', failed).once('exit', ended)
      worker.postMessage('checkpoint')
    })
  }
}

/** SQLite's own default is about so much. */
const LONG_BYTES = 4 * 1024 * 1024

const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => ({ size: 0 }))).size

/** As text: it runs alike from compiled files and under the tests. PASSIVE waits for nobody, and nobody waits for it. */
const CHECKPOINTER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const db = new (require(workerData.driver))(workerData.file)
  db.pragma('busy_timeout = 5000')
  db.pragma('synchronous = NORMAL')
  parentPort.on('message', () => {
    db.pragma('wal_checkpoint(PASSIVE)')
    parentPort.postMessage('done')
  })
`
