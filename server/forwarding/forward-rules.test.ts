import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { addressProblem } from '../mail/address'
import { type Forwarded, forwardRules } from './forward-rules'
import { ForwardRuleSystem } from './forwarding.enums'

const ID = '01900000-0000-7000-8000-000000000001'
const forwarded = (mailbox = 'anna@example.com', forward = 'forward@example.com', name = 'Anna Bell'): Forwarded => ({
  mailbox: { id: ID, name, address: mailbox },
  forward: { name: 'All mail', address: forward },
})

/** Addresses as the product lets them in. */
const address = fc
  .tuple(
    fc
      .array(fc.constantFrom(..."aZ9!#$%&'*+/=?^_`{|}~-"), { minLength: 1, maxLength: 20 })
      .map((signs) => signs.join('')),
    fc.constantFrom('example.com', 'bücher.example', 'xn--bcher-kva.example', '例え.example', 'a-b.sub.example'),
  )
  .map((parts) => parts.join('@'))
  .filter((text) => addressProblem(text) === undefined)

describe('the rules of a forwarded mailbox', () => {
  test('are there for each system', () => {
    expect(new Set(forwardRules(forwarded()).map((rule) => rule.system))).toEqual(
      new Set(Object.values(ForwardRuleSystem)),
    )
  })

  test('name both addresses as they go over the wire', () => {
    for (const { text } of forwardRules(forwarded('anna@bücher.example', 'all@例え.example'))) {
      expect(text).toContain('anna@xn--bcher-kva.example')
      expect(text).toContain('all@xn--r8jz45g.example')
      expect(text).toMatch(/^[\x20-\x7e\n]*$/)
    }
  })

  test('have the same lines whatever the names and addresses are', () => {
    const shape = (of: Forwarded) =>
      forwardRules(of).map(({ text }) => text.split(/\r\n|[\r\n\u0085\u2028\u2029]/).length)
    const plainShape = shape(forwarded())
    fc.assert(
      fc.property(address, address, fc.string({ unit: 'binary' }), (mailbox, forward, name) => {
        expect(shape(forwarded(mailbox, forward, name))).toEqual(plainShape)
      }),
    )
  })

  test("Exchange's names of rules fit and are the mailbox's own", () => {
    const long = `${'a'.repeat(60)}@example.com`
    const names = [forwarded(), forwarded(long)].flatMap((of) =>
      forwardRules(of).flatMap(({ text }) => /-Name '([^']+)'/.exec(text)?.[1] ?? []),
    )
    expect(names).toEqual([
      'Mailwarden: anna@example.com',
      'Mailwarden: anna@example.com',
      `Mailwarden: ${ID}`,
      `Mailwarden: ${ID}`,
    ])
  })

  test('say that Exchange must allow forwarding only when it leaves the domain', () => {
    const notesTo = (forward: string) =>
      forwardRules(forwarded('anna@example.com', forward)).flatMap(({ notes }) =>
        notes.filter((note) => note.includes('AutoForwardingMode')),
      ).length
    expect([notesTo('all@EXAMPLE.com'), notesTo('all@example.org')]).toEqual([0, 2])
  })
})
