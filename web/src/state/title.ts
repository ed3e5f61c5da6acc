import { useEffect } from 'react'
import { createStore } from '../api/store.ts'

/** What the open page calls itself; the shell adds the state of the server and writes the browser's title. */
export const title = createStore('')

export function useTitle(words: string): void {
  useEffect(() => title.set(words), [words])
}
