/** Single-key shortcuts for the page; they can be switched off (WCAG 2.1.4). */
import { useEffect, useRef } from 'react'
import { createStore } from '../api/store.ts'
import { recall, remember } from './kept.ts'
import { isShortcut } from './shortcut.ts'

export const keysOn = createStore(recall('keys') !== 'off')

export function switchKeys(on: boolean): void {
  keysOn.set(on)
  remember('keys', on ? null : 'off')
}

export type Shortcuts = Readonly<Record<string, (() => void) | undefined>>

/** Listens for `shortcuts` by key (`'?'`, `'j'`, `'Escape'`…) while the component is there. */
export function useKeys(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts)
  useEffect(() => {
    latest.current = shortcuts
  })
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!isShortcut(event)) return
      if (!keysOn.get() && event.key.length === 1) return
      const act = latest.current[event.key]
      if (!act) return
      event.preventDefault()
      act()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
