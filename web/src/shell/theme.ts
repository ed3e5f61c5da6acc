import { createStore } from '../api/store.ts'
import { recall, remember } from '../state/kept.ts'

export type Theme = 'system' | 'light' | 'dark'

const chosen = recall('theme')
export const theme = createStore<Theme>(chosen === 'light' || chosen === 'dark' ? chosen : 'system')

const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const

/** system → light → dark → system. */
export function turnTheme(): void {
  const next = NEXT[theme.get()]
  theme.set(next)
  if (next === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = next
  remember('theme', next === 'system' ? null : next)
}
