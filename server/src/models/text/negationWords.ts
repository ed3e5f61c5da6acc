/** The words that steer the negation scope, found by their hash: one table lookup for each word of a text. */
import { hashText } from '../../math/hash.ts'

/** Opens a negation: n't is one of them. */
export const NEGATOR = 1
/** Closes one. */
export const CONTRAST = 2
/** Ends in an n't without its apostrophe. */
const FUSED_NT = 3
export const CANNOT = 4
const ROLE_SLOTS = 512
const roleWords = new Int32Array(ROLE_SLOTS)
const roleKinds = new Uint8Array(ROLE_SLOTS)
for (const [role, words] of [
  [NEGATOR, "not no never nor neither nobody nothing nowhere none without hardly barely scarcely n't"],
  [CONTRAST, 'but however although though yet except'],
  [
    FUSED_NT,
    'dont cant wont didnt doesnt isnt wasnt arent werent havent hasnt hadnt couldnt wouldnt shouldnt aint neednt mustnt',
  ],
  [CANNOT, 'cannot'],
] as const) {
  for (const word of words.split(' ')) {
    const hash = hashText(word)
    let slot = hash & (ROLE_SLOTS - 1)
    while (roleWords[slot] !== 0) slot = (slot + 1) & (ROLE_SLOTS - 1)
    roleWords[slot] = hash
    roleKinds[slot] = role
  }
}

/** The word's part in negation; 0 for nearly all. */
export function roleOf(word: number): number {
  let slot = word & (ROLE_SLOTS - 1)
  while (roleWords[slot] !== 0) {
    if (roleWords[slot] === word) return roleKinds[slot]
    slot = (slot + 1) & (ROLE_SLOTS - 1)
  }
  return 0
}

/** Whether a token's hash is that of a word that opens a negation. */
export function isNegator(hash: number): boolean {
  return roleOf(hash) === NEGATOR
}
