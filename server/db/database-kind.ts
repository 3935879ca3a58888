/** The databases that the product runs on; MySQL is spoken to as MariaDB. */
export type DatabaseKind = 'sqlite' | 'mariadb'
