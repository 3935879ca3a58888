import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Page } from 'playwright-core'

export interface OpenBrowser {
  page: Page
  close(): Promise<void>
}

/** Debian's Chromium with one empty page, in which everything is waited for as long as `patienceMs`. */
export async function openBrowser(patienceMs: number): Promise<OpenBrowser> {
  const browser = await chromium.launch({
    executablePath: onSearchPath('chromium'),
    timeout: patienceMs,
    // root has no sandbox; small machines have a small /dev/shm
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
  context.setDefaultTimeout(patienceMs)
  return { page: await context.newPage(), close: () => browser.close() }
}

function onSearchPath(program: string): string {
  const places = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, program))
  const found = places.find((file) => existsSync(file))
  if (!found) throw new Error(`${program} is not installed`)
  return found
}
