import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql'
import { connectionOf } from '../graphql/connection'
import { upTo } from '../graphql/limits'
import { Payload } from '../graphql/payload'
import { Owner, OwnerKind } from './owner.entity'

@InputType()
export class OwnerInput {
  @Field(() => OwnerKind)
  kind!: OwnerKind

  @Field(() => String, {
    nullable: true,
    description: 'Its id in your system, by which it is found again; without it the address is.',
  })
  externalId?: string | null

  @Field(() => String)
  name!: string

  @Field(() => String, {
    nullable: true,
    description: 'Left out, it stays as it is, of a deleted owner too; null or empty removes it, and its approval.',
  })
  emailAddress?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description:
      'False deactivates the owner and its mailbox and frees the address. True activates an inactive owner and its mailbox; ' +
      'a mailbox that an administrator deactivated alone stays so while its owner is active. Left out, it stays as it is; ' +
      'a new or deleted owner becomes active.',
  })
  active?: boolean | null
}

@InputType({ description: 'How an owner is called in the system that provisions it.' })
export class OwnerKey {
  @Field(() => OwnerKind)
  kind!: OwnerKind

  @Field(() => String)
  externalId!: string
}

@InputType({ description: 'Exactly one of the two, at most 10,000.' })
export class OwnerSelection {
  @Field(() => [ID], { nullable: true })
  ids?: string[] | null

  @Field(() => [OwnerKey], { nullable: true })
  keys?: OwnerKey[] | null
}

@InputType()
export class OwnerFilter {
  @Field(() => String, {
    nullable: true,
    description: 'Contained in name or address, whatever its case, or the whole externalId.',
  })
  text?: string | null

  @Field(() => OwnerKind, { nullable: true })
  kind?: OwnerKind | null

  @Field(() => Boolean, { nullable: true })
  active?: boolean | null

  @Field(() => Boolean, { nullable: true, description: 'True: those deleted, instead of those that are not.' })
  deleted?: boolean | null
}

@ObjectType()
export class OwnerConnection extends connectionOf(() => Owner, 'Owner') {}

@ObjectType()
export class OwnersPayload extends Payload {
  @Field(() => [Owner], { complexity: upTo(10_000), description: 'In the order of the input.' })
  owners!: Owner[]
}

export enum OwnerImportResult {
  CREATED = 'CREATED',
  UPDATED = 'UPDATED',
  UNCHANGED = 'UNCHANGED',
  REFUSED = 'REFUSED',
}

registerEnumType(OwnerImportResult, { name: 'OwnerImportResult' })

@ObjectType({ description: 'What becomes, or would become, of a row.' })
export class OwnerImportRow {
  @Field(() => Int, { description: 'Of the file, from 1; where the row begins.' })
  line!: number

  @Field(() => OwnerImportResult)
  result!: OwnerImportResult

  @Field(() => String, { nullable: true, description: 'Of a refusal.' })
  code!: string | null

  @Field(() => String, { nullable: true, description: 'Why it is refused, or what of it changes.' })
  message!: string | null
}

@ObjectType()
export class OwnersImportPayload extends Payload {
  @Field(() => [OwnerImportRow], {
    complexity: upTo(10_000),
    description: 'Every row, in the order of the file. When one is refused, nothing was changed.',
  })
  rows!: OwnerImportRow[]

  @Field(() => Int)
  created!: number

  @Field(() => Int)
  updated!: number

  @Field(() => Int)
  unchanged!: number

  @Field(() => Int)
  refused!: number
}
