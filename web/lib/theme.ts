import { type BrandVariants, createDarkTheme, createLightTheme, type Theme } from '@fluentui/react-components'
import { useSyncExternalStore } from 'react'

/** Our own ramp: a teal that is none of the state colours. */
const brand: BrandVariants = {
  10: '#020405',
  20: '#0b191b',
  30: '#0d2a2d',
  40: '#0d373c',
  50: '#0b454b',
  60: '#08535a',
  70: '#06616a',
  80: '#0f6c74',
  90: '#2a7d85',
  100: '#438e95',
  110: '#5a9fa5',
  120: '#72b0b6',
  130: '#8ac1c6',
  140: '#a3d2d6',
  150: '#bde3e6',
  160: '#d8f4f6',
}

const lightTheme: Theme = createLightTheme(brand)
const darkTheme: Theme = {
  ...createDarkTheme(brand),
  colorBrandForeground1: brand[120],
  colorBrandForeground2: brand[130],
  colorBrandForegroundLink: brand[130],
  colorBrandForegroundLinkHover: brand[140],
  colorBrandForegroundLinkPressed: brand[120],
  colorBrandStroke1: brand[120],
  colorCompoundBrandForeground1: brand[120],
  colorCompoundBrandStroke: brand[120],
}

export type ThemeChoice = 'system' | 'light' | 'dark'

const KEY = 'mailwarden.theme'
const listeners = new Set<() => void>()
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)')

function stored(): ThemeChoice {
  try {
    const choice = window.localStorage.getItem(KEY)
    return choice === 'light' || choice === 'dark' ? choice : 'system'
  } catch {
    return 'system'
  }
}

let choice = stored()

export function chooseTheme(next: ThemeChoice) {
  choice = next
  try {
    window.localStorage.setItem(KEY, next)
  } catch {
    // A browser that stores nothing still gets the theme, until the page is left.
  }
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  prefersDark.addEventListener('change', listener)
  return () => {
    listeners.delete(listener)
    prefersDark.removeEventListener('change', listener)
  }
}

export const useThemeChoice = () => useSyncExternalStore(subscribe, () => choice)

export function useTheme(): { theme: Theme; isDark: boolean } {
  const isDark = useSyncExternalStore(subscribe, () => (choice === 'system' ? prefersDark.matches : choice === 'dark'))
  return { theme: isDark ? darkTheme : lightTheme, isDark }
}
