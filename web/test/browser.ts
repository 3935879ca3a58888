import { configure } from '@testing-library/react'

/** What jsdom lacks of a browser: layout, media queries, scrolling. Imported first by tests that render. */
const ROW_HEIGHT = 40
const SCROLLER_HEIGHT = 600

window.matchMedia = (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => {},
    removeEventListener: () => {},
  }) as unknown as MediaQueryList

window.ResizeObserver = class {
  observe() {}
  unobserve() {}
  disconnect() {}
}

const isScroller = (element: Element) => element.matches('.grid, .results-scroller')
const height = (element: Element) => (isScroller(element) ? SCROLLER_HEIGHT : ROW_HEIGHT)
Object.defineProperties(Element.prototype, {
  clientHeight: {
    get(this: Element) {
      return height(this)
    },
  },
  clientWidth: { get: () => 1_000 },
})
Object.defineProperties(HTMLElement.prototype, {
  offsetHeight: {
    get(this: Element) {
      return height(this)
    },
  },
  offsetWidth: { get: () => 1_000 },
})
Element.prototype.scrollTo = () => {}
Element.prototype.scrollIntoView = () => {}

// The first page of a file is compiled while its test waits: on a busy machine that takes longer than the usual second.
const PATIENCE_MS = 10_000
// Without getElementError a failing test prints the whole page.
configure({
  asyncUtilTimeout: PATIENCE_MS,
  getElementError: (message) => new Error(message ?? 'Not found'),
})
