/** Texts for a first load, when nobody brought any: short ones, long ones, and what the models meet in the wild. */
export const sentences: readonly string[] = [
  'The battery died after two days, but support was lovely.',
  'Absolutely brilliant. I laughed until my sides hurt and then watched it again.',
  'It does what it says, no more and no less.',
  'I would not recommend this hotel to anyone who values sleep.',
  'not bad at all',
  'The package arrived on Tuesday.',
  'Sooooo disappointed :( the colour is nothing like the picture',
  'Best coffee in town 😍 and the staff remember your name!',
  'The plot is thin, the dialogue is wooden, and yet I could not look away.',
  'Refund took six weeks and four phone calls. Never again.',
  "I don't like it, and neither does my cat.",
  'Setup took five minutes; it has run without a hitch since March.',
  '@support my order #48213 still says "processing", any news?',
  'Great value, terrible manual.',
  'The second act drags, but the last twenty minutes are worth the ticket.',
  'meh',
]
