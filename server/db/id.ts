import { v7 } from 'uuid'

/** A new row's id: UUID version 7 (RFC 9562), unique and ordered by time, so that new rows land at the end of an index. */
export const newId = (): string => v7()

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether a text can be an id at all; the database need not be asked for one that cannot. */
export const isId = (text: string): boolean => SHAPE.test(text)
