import { storable } from '../storable.ts'
import { type KeepText, redact } from './redaction.ts'

/** What the log keeps of what callers send, by KEEP_TEXT. The same input always gives the same result. */
export interface Keeping {
  /** Of a text or a comment: all of it, all but personal data, or null. */
  readonly text: (text: string) => string | null
  /**
   * Of a caller's id or a source, which must stay distinct and be found again: the name itself where nothing in it is
   * personal, else its keyed hash. Whoever looks for a name looks for this.
   */
  readonly name: (name: string) => string
}

/** So that what the log shows of a hashed name finds it, too. */
const HASHED = /^hash:[0-9a-f]{32}$/

/** @param hashName keyed hash of a name, 32 hexadecimal digits */
export function keeping(keep: KeepText, hashName: (name: string) => string): Keeping {
  const hashed = (name: string): string => (HASHED.test(name) ? name : `hash:${hashName(name)}`)
  switch (keep) {
    case 'full':
      return { text: storable, name: storable }
    case 'redacted':
      return {
        text: (text) => redact(storable(text)),
        name: (name) => (redact(name) === name ? storable(name) : hashed(name)),
      }
    case 'hash':
      return { text: () => null, name: hashed }
    default:
      return keep satisfies never
  }
}
