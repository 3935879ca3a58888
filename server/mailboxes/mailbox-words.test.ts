import { describe, expect, test } from '@jest/globals'
import { isInDomain, termsOf } from './mailbox-search'
import { wordsIn, wordsOf } from './mailbox-words'

describe('the words of a mailbox', () => {
  test.each<[string, string | null, string[]]>([
    ['ada lovelace', 'ada.lovelace@example.com', ['ada', 'lovelace']],
    ['support', 'in+billing_2@example.com', ['support', 'in', 'billing', '2']],
    ["o'neill-smith", null, ['o', 'neill', 'smith']],
    ['100% real_name', null, ['100', 'real', 'name']],
    // composed and decomposed are the same word, and a mark is no gap in it
    ['e\u0301mile zoë', null, ['émile', 'zoë']],
    ['हिन्दी 東京', null, ['हिन्दी', '東京']],
    ['!!', null, []],
  ])('%j and %j', (name, address, words) => {
    expect(wordsOf(name, address)).toEqual(words)
  })

  test('a word is cut to 64 characters, never within one', () => {
    expect(wordsIn('x'.repeat(65))).toEqual(['x'.repeat(64)])
    expect(wordsIn(`${'x'.repeat(63)}𝐚𝐚`)).toEqual([`${'x'.repeat(63)}𝐚`])
  })
})

describe('what a text asks for', () => {
  const anywhere = (word: string) => ({ word, isLocal: false })
  test.each([
    ['Ada LOV', [anywhere('ada'), anywhere('lov')]],
    // who begins with the longer word begins with the shorter one
    ['ad ada ad', [anywhere('ada')]],
    ['ada.love@Exam', [{ word: 'ada', isLocal: true }, { word: 'love', isLocal: true }, { domainBegins: 'exam' }]],
    ['ada@', [{ word: 'ada', isLocal: true }]],
    ['@exam', [{ domainBegins: 'exam' }]],
    ['@', []],
    ['%', []],
    ['  ', []],
  ])('%j', (text, terms) => {
    expect(termsOf(text)).toEqual(terms)
  })

  test.each([
    ['exam', 'mail.example.com', true],
    ['xam', 'example.com', false],
    ['site', 'my-site.test', true],
    ['@mail.ex', 'mail.example.com', true],
    ['@example', 'mail.example.com', false],
    ['exam@', 'example.com', false],
  ])('%j in the domain %j: %j', (text, domain, isIn) => {
    expect(termsOf(text).some((term) => isInDomain(term, domain))).toBe(isIn)
  })
})
