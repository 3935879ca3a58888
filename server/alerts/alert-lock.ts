import type { FindOptionsWhere } from 'typeorm'
import type { Tx } from '../db/transaction'
import { Alert } from './alert.entity'

/** Two transactions that meet the same alert follow each other. */
export function lockedAlerts(tx: Tx, where: FindOptionsWhere<Alert> | FindOptionsWhere<Alert>[]): Promise<Alert[]> {
  const query = tx.em.createQueryBuilder(Alert, 'a').where(where).orderBy('a.id')
  return tx.locked(query).getMany()
}
