import type { EntityManager } from 'typeorm'
import { FaultList } from '../errors'
import { EmailServerProfile } from '../profiles/profile.entity'
import { and, bind, type Condition, EVERYTHING } from './condition'
import { MailboxView } from './mailbox.enums'
import type { MailboxFilter } from './mailbox.inputs'
import { type Count, readCounts, SCOPE } from './mailbox-counts'
import { type Facet, facetRank, facetValues, IN_VIEW, kindOf, mayHaveError, rankOf } from './mailbox-facets'
import type { Lead, Search } from './mailbox-found'
import { domainOf, FACET_FIELDS, facetsOf, filterCondition, type Looker } from './mailbox-selection'
import { BY_NAME, type ColumnSort, type Sorting } from './mailbox-sorts'

export interface ListRequest {
  looker: Looker
  view: MailboxView
  filter: MailboxFilter | null | undefined
  /** The filter as a condition, whatever of it an index answers too. */
  where: Condition
  sorting: Sorting
}

/** The same with its text looked up; the filter is the rest of it. */
export interface Listing extends ListRequest {
  search: Search | undefined
  lead: Lead | undefined
}

/** One short read of an index: the equalities that lead it, and what the rows behind them have to meet. */
export interface Probe {
  /** Null: it is a read of few rows, and the database decides. */
  index: string | null
  where: Condition
}

/** Segments follow each other; within one the probes' rows are merged by the column. */
export interface Segment {
  /** Its place among the segments. */
  place: string | number
  sort: ColumnSort
  probes: Probe[]
  /** Its rows have no value in the column, and follow by id. */
  isNull?: boolean
}

/** The counts of what the list may show; undefined where rows are few, or picked by something that is not counted. */
export async function countsFor(em: EntityManager, request: Listing): Promise<Count[]> {
  const scopes = scopesOf(request.looker, request.filter)
  if (request.view === MailboxView.MINE || scopes === undefined) return []
  return (await readCounts(em, scopes)).filter(mayBeListed(request))
}

/** Whether mailboxes that are counted so may be in the list, as far as their class and facets tell. */
export function mayBeListed({ view, filter }: ListRequest): (count: Count) => boolean {
  const wanted = facetsOf(filter)
  return ({ viewClass, facets }) =>
    IN_VIEW[view](viewClass) &&
    (!filter?.kind || kindOf(viewClass) === filter.kind) &&
    (typeof filter?.errorCode !== 'string' || mayHaveError(viewClass)) &&
    wanted.every(([facet, value]) => facetRank(facets, facet) === rankOf(facet, value))
}

/** The narrowest counts that have all that is listed; undefined for a reach that is not counted. */
function scopesOf({ reach }: Looker, filter: MailboxFilter | null | undefined): string[] | undefined {
  if (reach !== 'ALL' && reach.domains.length === 0) return undefined
  if (typeof filter?.profileId === 'string') return [SCOPE.profile(filter.profileId)]
  if (typeof filter?.domain === 'string') return [SCOPE.domain(domainOf(filter.domain))]
  return reach === 'ALL' ? [SCOPE.all] : reach.domains.map((domain) => SCOPE.domain(domain))
}

/** What a list is read by, in its order. */
export async function segmentsOf(em: EntityManager, request: Listing, counts: readonly Count[]): Promise<Segment[]> {
  const { sorting } = request
  const { sort } = sorting
  const ordered = <T>(segments: T[]): T[] => (sorting.isDescending ? segments.reverse() : segments)
  if ('profile' in sort) return ordered(await byProfile(em, request))
  if ('facet' in sort) return ordered(byFacet(request, sort.facet, counts))
  if ('rank' in sort) {
    return ordered(
      sort.values.map((value, place) => {
        const some = counts.filter(({ viewClass }) => sort.rank(viewClass) === place)
        const own: Condition = { sql: `${sort.column} = :rankValue`, parameters: { rankValue: value } }
        return { place, sort: BY_NAME, probes: nameProbes(request, some, own) }
      }),
    )
  }
  if (sort === BY_NAME) return [{ place: 0, sort, probes: nameProbes(request, counts, EVERYTHING) }]
  const all = [...classProbes(request, sort.index, counts), ...ownProbes(request, EVERYTHING)]
  if (!sort.isNullable) return [{ place: 0, sort, probes: all }]
  return ordered([
    { place: 0, sort, probes: all, isNull: true },
    { place: 1, sort, probes: all },
  ])
}

function byFacet(request: Listing, facet: Facet, counts: readonly Count[]): Segment[] {
  return facetValues(facet).map((value, place) => {
    const some = counts.filter(({ facets }) => facetRank(facets, facet) === place)
    const own: Condition = { sql: `${facet} = :facetValue`, parameters: { facetValue: value } }
    return { place, sort: BY_NAME, probes: [...facetProbes(request, some), ...ownProbes(request, own)] }
  })
}

/** By the profile's name; mailboxes without one come first. */
async function byProfile(em: EntityManager, request: Listing): Promise<Segment[]> {
  const { view, filter } = request
  const profiles = await em.find(EmailServerProfile, {
    select: { id: true, nameKey: true },
    where: typeof filter?.profileId === 'string' ? { id: filter.profileId } : {},
    order: { nameKey: 'ASC', id: 'ASC' },
  })
  const counts = (await readCounts(em, 'profiles')).filter(mayBeListed(request))
  const classes = new Map<string, Set<number>>()
  for (const { scope, viewClass } of counts) classes.set(scope, (classes.get(scope) ?? new Set()).add(viewClass))
  const rest = restOf(request, ['profileId', 'kind'])
  const isCountedHere = scopesOf(request.looker, filter) !== undefined && view !== MailboxView.MINE
  const withOwn = await profilesOfOwn(em, request)
  const without = typeof filter?.profileId === 'string' ? [] : [null]
  return [...without, ...profiles].map((profile) => {
    const id = profile?.id ?? null
    const own: Condition =
      id === null
        ? { sql: 'profile_id IS NULL', parameters: {} }
        : { sql: 'profile_id = :ofProfile', parameters: { ofProfile: id } }
    const probes = [...(classes.get(SCOPE.profile(id)) ?? [])].map((viewClass) => ({
      index: 'mailboxes_by_profile',
      where: and(own, inClass(viewClass), rest),
    }))
    const place = profile ? `${profile.nameKey}\u0000${profile.id}` : ''
    const more = withOwn.has(id) ? ownProbes(request, own) : []
    return { place, sort: BY_NAME, probes: [...(isCountedHere ? probes : []), ...more] }
  })
}

/** The profiles of one's own few mailboxes: the others need not be asked for them. */
async function profilesOfOwn(em: EntityManager, request: Listing): Promise<ReadonlySet<string | null>> {
  const found = new Set<string | null>()
  for (const { where } of ownProbes(request, EVERYTHING)) {
    const [sql, values] = bind(em, `SELECT DISTINCT profile_id AS id FROM mailboxes WHERE ${where.sql}`, where)
    for (const { id } of (await em.query(sql, values)) as { id: string | null }[]) found.add(id)
  }
  return found
}

/** Reads that come in the order of names, led by whatever of the filter has an index for it. */
function nameProbes(request: Listing, counts: readonly Count[], own: Condition): Probe[] {
  const { filter } = request
  const more = ownProbes(request, own)
  if (facetsOf(filter).length > 0) return [...facetProbes(request, counts), ...more]
  const led = (index: string, column: string, values: readonly string[], rest: Condition): Probe[] =>
    values.flatMap((value) =>
      classesIn(counts).map((viewClass) => ({
        index,
        where: and({ sql: `${column} = :lead`, parameters: { lead: value } }, inClass(viewClass), rest),
      })),
    )
  if (typeof filter?.profileId === 'string') {
    const rest = restOf(request, ['profileId', 'kind'])
    return [...led('mailboxes_by_profile', 'profile_id', [filter.profileId], rest), ...more]
  }
  const domains = domainsOf(request)
  if (!domains) return [...classProbes(request, BY_NAME.index, counts), ...more]
  const rest = restOf(request, ['domain', 'kind'], { isDomainKnown: true })
  return [...led('mailboxes_by_domain', 'address_domain', domains, rest), ...more]
}

/** The domains that are listed alone, if it is so. */
function domainsOf({ looker: { reach }, filter }: ListRequest): readonly string[] | undefined {
  const wanted = typeof filter?.domain === 'string' ? [domainOf(filter.domain)] : undefined
  if (reach === 'ALL') return wanted
  return wanted?.filter((domain) => reach.domains.includes(domain)) ?? reach.domains
}

function classProbes(request: Listing, index: string, counts: readonly Count[]): Probe[] {
  const rest = restOf(request, ['kind'])
  return classesIn(counts).map((viewClass) => ({ index, where: and(inClass(viewClass), rest) }))
}

function facetProbes(request: Listing, counts: readonly Count[]): Probe[] {
  const rest = restOf(request, ['kind', ...FACET_FIELDS])
  const pairs = new Map(counts.map(({ facets, viewClass }) => [`${facets} ${viewClass}`, { facets, viewClass }]))
  return [...pairs.values()].map(({ facets, viewClass }) => ({
    index: 'mailboxes_by_facets',
    where: and({ sql: `facets = ${facets}`, parameters: {} }, inClass(viewClass), rest),
  }))
}

/** What is left to check where an index answers these fields of the filter: checking them again would read each row. */
function restOf(
  { looker: { reach }, filter, search }: Listing,
  answered: readonly (keyof MailboxFilter)[],
  { isDomainKnown = false } = {},
): Condition {
  const left = Object.fromEntries(
    Object.entries(filter ?? {}).filter(([field]) => !answered.includes(field as keyof MailboxFilter)),
  )
  // the filter was checked before: its faults are known
  const fields = filterCondition(new FaultList(), [], left)
  const rest = search ? and(fields, search.where) : fields
  if (reach === 'ALL' || isDomainKnown) return rest
  return and({ sql: 'address_domain IN (:...restDomains)', parameters: { restDomains: reach.domains } }, rest)
}

/** One's own mailbox, which no count and no domain leads to. */
function ownProbes({ looker, view, where }: ListRequest, own: Condition): Probe[] {
  const { reach, ownerId } = looker
  if (view === MailboxView.MINE) {
    const mine: Condition = { sql: 'owner_id = :probeOwner', parameters: { probeOwner: ownerId } }
    return [{ index: null, where: and(mine, own, where) }]
  }
  if (reach === 'ALL' || reach.ownerIds.length === 0) return []
  const owned: Condition = { sql: 'owner_id IN (:...probeOwners)', parameters: { probeOwners: reach.ownerIds } }
  // what a domain leads to is read already
  const elsewhere: Condition =
    reach.domains.length === 0
      ? EVERYTHING
      : {
          sql: '(address_domain IS NULL OR address_domain NOT IN (:...probeDomains))',
          parameters: { probeDomains: reach.domains },
        }
  return [{ index: null, where: and(owned, elsewhere, own, where) }]
}

export const classesIn = (counts: readonly Count[]): number[] => [...new Set(counts.map(({ viewClass }) => viewClass))]

/** The class is a number of ours: as a literal it needs no parameter. */
const inClass = (viewClass: number): Condition => ({ sql: `view_class = ${viewClass}`, parameters: {} })
