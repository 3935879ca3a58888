import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { OperationError } from '../errors'
import { AuditEntry } from './audit.entity'
import {
  AuditChange,
  AuditChangeArgs,
  AuditChangeConnection,
  AuditEntryConnection,
  AuditLogArgs,
  AuditValue,
} from './audit.inputs'
import type { AuditService } from './audit.service'
import { namedValues } from './audit-text'

/** A row of the log holds no more. */
const MOST_SUBJECTS = 1_000

@Resolver(() => AuditEntry)
export class AuditResolver {
  constructor(private readonly audit: AuditService) {}

  @Query(() => AuditEntryConnection, { description: 'Who did what, newest first. Append-only.' })
  async auditLog(
    @Args(() => AuditLogArgs) args: AuditLogArgs,
    @Ctx() { viewer }: Context,
  ): Promise<AuditEntryConnection> {
    return Object.assign(new AuditEntryConnection(), await this.audit.list(viewer, args.filter, args))
  }

  @FieldResolver(() => [AuditValue], { description: 'What the command was told: a selection, a reason.' })
  details(@Root() entry: AuditEntry): AuditValue[] {
    return entry.details === null ? [] : namedValues(entry.details)
  }

  @FieldResolver(() => AuditChangeConnection, { description: 'What it changed, alike changes together.' })
  async changes(
    @Root() entry: AuditEntry,
    @Args(() => AuditChangeArgs) args: AuditChangeArgs,
    @Ctx() { viewer }: Context,
  ): Promise<AuditChangeConnection> {
    const page = await this.audit.changes(viewer, entry.id, args.subjectId, args)
    return Object.assign(new AuditChangeConnection(), page)
  }
}

@Resolver(() => AuditChange)
export class AuditChangeResolver {
  @FieldResolver(() => [ID], { description: 'The first 100 unless asked for another number, at most 1,000.' })
  subjectIds(
    @Root() change: AuditChange,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
  ): string[] {
    const most = first ?? 100
    if (most < 1 || most > MOST_SUBJECTS) {
      throw new OperationError('BAD_USER_INPUT', `first must be from 1 to ${MOST_SUBJECTS}`, ['first'])
    }
    return change.allSubjectIds.slice(0, most)
  }
}
