import { createStore } from '../../api/store.ts'

/** What is being typed. It outlives a look at another page, and nothing else. */
export const draft = createStore({ text: '', task: 'sentiment' })
