/** The moment in an id, of its first 48 bits (UUID version 7, RFC 9562 section 5.7). */
export const timeOf = (id: string): Date => new Date(Number.parseInt(id.slice(0, 13).replace('-', ''), 16))

/** The least id of a moment: ids from there on are of that moment or later. */
export function leastId(at: Date): string {
  const digits = Math.min(Math.max(at.getTime(), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`
}
