import { decodeCursor, encodeCursor } from '../server/mailboxes/mailbox-cursor'
import { SORT_FIELDS } from '../server/mailboxes/mailbox-sorts'
import type { Product } from './admin-product'
import { heading, lastToFirst, line, p50, remark, type Times, timesOf } from './admin-report'
import { DOMAINS } from './admin-seed'

/** What a row of the dashboard's list shows. */
const ROW = `id kind name emailAddress active approval health errorCode incomingErrorCode outgoingErrorCode actErrorCode
  incomingMethod outgoingMethod actMethod incomingEmailStatus outgoingEmailStatus actStatus incomingChangedSinceTest
  outgoingChangedSinceTest actChangedSinceTest lastTestedAt profile { id name } testRun { id }`
const ARGUMENTS = '$view: MailboxView, $filter: MailboxFilter, $sort: MailboxSort, $first: Int, $after: String'
const PASSED = 'view: $view, filter: $filter, sort: $sort, first: $first, after: $after'
const list = (fields: string): string =>
  `query (${ARGUMENTS}) { mailboxes(${PASSED}) { ${fields} pageInfo { hasNextPage endCursor } } }`
/** As the dashboard asks. */
export const PAGE = list(`nodes { ${ROW} } totalCount`)
const BARE_PAGE = list(`nodes { ${ROW} }`)
const CURSOR = list('nodes { id }')
const COUNTS = '{ mailboxViewCounts { view count } }'
const ONE = `query ($id: ID!) { mailbox(id: $id) { ${ROW} blockers { code message action direction } owner { id name }
  username hasPassword alerts(first: 10) { nodes { id } totalCount } } }`

const PAGE_LENGTH = 50
/** Different places are asked for, so that no answer is merely remembered. */
const PLACES = 10
/** What reads all rows is not asked a hundred times. */
const LONGEST_MS = 10_000
const LEAST_SAMPLES = 3

type Variables = Record<string, unknown>

export interface PageOptions {
  samples: number
  /** Milliseconds of the 99th percentile of a page. */
  pageTarget: number
  profileId: string
}

export async function measurePages(product: Product, options: PageOptions): Promise<void> {
  remark('a request that reads no mailbox, for comparison:')
  line('viewer', await repeat(options.samples, () => product.time('{ viewer { id } }')), options.pageTarget)
  heading('pages of 50, with totalCount, by view (sorted by name)')
  const { mailboxViewCounts } = await product.ask(COUNTS)
  for (const { view, count } of mailboxViewCounts) {
    if (count === 0) remark(`${view}: empty`)
    else await measureView(product, `${view} (${count})`, { view }, options)
  }
  heading('view ACTIVE by each sort')
  for (const field of SORT_FIELDS) {
    for (const direction of ['ASC', 'DESC']) {
      await measureView(product, `${field} ${direction}`, { view: 'ACTIVE', sort: { field, direction } }, options)
    }
  }
  heading('other views by some sorts')
  for (const view of ['TEST_AND_ENABLE_FAILED', 'PENDING_EMAIL_APPROVAL', 'QUEUE_MAILBOXES', 'ALL']) {
    for (const field of ['emailAddress', 'lastTestedAt']) {
      await measureView(product, `${view} by ${field}`, { view, sort: { field, direction: 'DESC' } }, options)
    }
  }
  heading('other reads')
  const counts = await repeat(options.samples, () => product.time(COUNTS))
  line('all view counts', counts, 5)
  const { mailboxes } = await product.ask(CURSOR, {
    view: 'ALL',
    first: 500,
    sort: { field: 'emailAddress', direction: 'ASC' },
  })
  const ids: string[] = mailboxes.nodes.map((node: { id: string }) => node.id)
  const one = await repeat(options.samples, (n) => product.time(ONE, { id: ids[n % ids.length] }))
  line('one mailbox, with blockers, owner, alerts', one, options.pageTarget)
}

export async function measureFilters(product: Product, options: PageOptions): Promise<void> {
  heading('view ACTIVE with a filter, first page')
  const { mailboxes } = await product.ask(PAGE, { view: 'ACTIVE', first: 1, filter: { profileId: options.profileId } })
  const rare = mailboxes.nodes[0].emailAddress.split('@')[0]
  const filters: [name: string, filter: Variables][] = [
    ['text: common', { text: 'ann' }],
    [`text: one address (${rare})`, { text: rare }],
    ['text: none', { text: 'zzqqxx' }],
    ['domain: the largest', { domain: DOMAINS[0] }],
    ['domain: the smallest', { domain: DOMAINS.at(-1) }],
    ['profile: a tenth', { profileId: options.profileId }],
    ['text in a profile', { profileId: options.profileId, text: 'weber' }],
    ['errorCode', { errorCode: 'AUTHENTICATION_FAILED' }],
    ['kind', { kind: 'QUEUE' }],
    ['approval', { approval: 'REJECTED' }],
  ]
  for (const [name, filter] of filters) {
    const without = await repeat(options.samples, () => product.time(BARE_PAGE, { view: 'ACTIVE', filter }))
    const whole = await repeat(options.samples, () => product.time(PAGE, { view: 'ACTIVE', filter }))
    line(name, whole, options.pageTarget)
    remark(`${''.padEnd(44)} p50 ${p50(without).toFixed(1).padStart(7)} without totalCount`)
  }
}

/** First, 50th and last page, interleaved. */
async function measureView(product: Product, name: string, what: Variables, options: PageOptions): Promise<void> {
  const { fiftieth, last } = await placesOf(product, what)
  const found: Record<'first' | '50th' | 'last', number[]> = { first: [], '50th': [], last: [] }
  for (let sample = 0; sample < options.samples; sample++) {
    found.first.push(await product.time(PAGE, what))
    const [middle, end] = [fiftieth[sample % fiftieth.length], last[sample % last.length]]
    if (middle) found['50th'].push(await product.time(PAGE, { ...what, after: middle }))
    if (end) found.last.push(await product.time(PAGE, { ...what, after: end }))
  }
  const times = Object.entries(found).map(([place, values]) => [place, timesOf(values)] as const)
  for (const [place, of] of times) if (of.sorted.length > 0) line(`${name}, ${place} page`, of, options.pageTarget)
  const [first, end] = [timesOf(found.first), timesOf(found.last)]
  if (end.sorted.length > 0) lastToFirst(name, first, end)
}

/** Cursors of about the 50th page, and of the last one; none where the view is too short. */
async function placesOf(product: Product, what: Variables): Promise<{ fiftieth: string[]; last: string[] }> {
  const cursorAfter = async (variables: Variables): Promise<{ endCursor: string | null; hasNextPage: boolean }> =>
    (await product.ask(CURSOR, variables)).mailboxes.pageInfo
  let page = { endCursor: null as string | null, hasNextPage: true }
  for (let rows = 0; rows < 49 * PAGE_LENGTH && page.hasNextPage; rows += 490) {
    page = await cursorAfter({ ...what, first: 490, after: page.endCursor })
  }
  if (!page.hasNextPage) return { fiftieth: [], last: [] }
  const fiftieth: string[] = []
  for (let place = 0; place < PLACES && page.endCursor && page.hasNextPage; place++) {
    fiftieth.push(page.endCursor)
    page = await cursorAfter({ ...what, first: 5, after: page.endCursor })
  }
  const last: string[] = []
  const { field, direction } = (what.sort as { field: string; direction: string }) ?? {
    field: 'name',
    direction: 'ASC',
  }
  const reversed = direction === 'ASC' ? 'DESC' : 'ASC'
  for (let place = 0; place < PLACES; place++) {
    const fromTheEnd = { ...what, sort: { field, direction: reversed }, first: PAGE_LENGTH + 1 + place }
    const { endCursor } = await cursorAfter(fromTheEnd)
    if (endCursor) last.push(turned(endCursor, field, direction === 'DESC'))
  }
  return { fiftieth, last }
}

/** The same place in the other direction: near the end of a million there is no other way but a thousand pages. */
const turned = (cursor: string, field: string, isDescending: boolean): string =>
  encodeCursor(field, isDescending, decodeCursor(cursor, field, !isDescending))

/** So often, or as often as some seconds allow. */
async function repeat(times: number, work: (sample: number) => Promise<number>): Promise<Times> {
  await work(0)
  const found: number[] = []
  const until = performance.now() + LONGEST_MS
  for (let sample = 0; sample < times && (sample < LEAST_SAMPLES || performance.now() < until); sample++) {
    found.push(await work(sample))
  }
  return timesOf(found)
}
