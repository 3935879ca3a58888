import { expect, test } from '@jest/globals'
import { domainForms, normalDomain } from './domains'

test.each([
  ['example.org', 'example.org'],
  [' Example.ORG ', 'example.org'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['BÜCHER.example', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['localhost', 'localhost'],
])('%j is kept as %s', (text, domain) => {
  expect(normalDomain(text)).toBe(domain)
})

test.each([
  '',
  ' ',
  '@example.org',
  'ada@example.org',
  'example..org',
  '*.example.org',
  '%',
  'a\nb.org',
  'a.org,b.org',
])('%j is no domain', (text) => expect(normalDomain(text)).toBeUndefined())

test('an international name is known in both forms, another in its one', () => {
  expect(domainForms('xn--bcher-kva.example')).toEqual(['xn--bcher-kva.example', 'bücher.example'])
  expect(domainForms('example.org')).toEqual(['example.org'])
})
