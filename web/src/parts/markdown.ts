/**
 * The Markdown of model cards, as a tree: headings, paragraphs, lists, tables, code, quotes, rules; strong, emphasis,
 * code and links within. Raw HTML stays text, and a link goes only to http(s) or to a place on this page: the tree is
 * rendered as React elements, so no card can put anything else on the page.
 */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'strong' | 'emphasis'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly href: string; readonly children: readonly Inline[] }

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | {
      readonly kind: 'table'
      readonly head: readonly (readonly Inline[])[]
      readonly rows: readonly (readonly (readonly Inline[])[])[]
    }
  | { readonly kind: 'quote'; readonly children: readonly Block[] }
  | { readonly kind: 'rule' }

const FENCE = /^\s*(```|~~~)/
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/
const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/

export function markdown(source: string): Block[] {
  const lines = source.replaceAll('\r\n', '\n').split('\n')
  // The card of a model on a hub starts with settings between two lines of ---; they are not for reading.
  const settings = lines[0] === '---' ? lines.indexOf('---', 1) : -1
  return blocks(settings > 0 ? lines.slice(settings + 1) : lines)
}

function blocks(lines: readonly string[]): Block[] {
  const found: Block[] = []
  let at = 0
  /** Takes lines while they fit. */
  const take = (fits: (line: string) => boolean): string[] => {
    const from = at
    while (at < lines.length && fits(lines[at])) at++
    return lines.slice(from, at)
  }

  while (at < lines.length) {
    const line = lines[at]
    const heading = HEADING.exec(line)
    if (line.trim() === '') at++
    else if (FENCE.test(line)) {
      at++
      found.push({ kind: 'code', text: take((l) => !FENCE.test(l)).join('\n') })
      at++
    } else if (heading) {
      found.push({ kind: 'heading', level: heading[1].length, children: inline(heading[2]) })
      at++
    } else if (RULE.test(line)) {
      found.push({ kind: 'rule' })
      at++
    } else if (line.startsWith('>')) {
      found.push({ kind: 'quote', children: blocks(take((l) => l.startsWith('>')).map((l) => l.replace(/^>\s?/, ''))) })
    } else if (line.includes('|') && DIVIDER.test(lines[at + 1] ?? '')) {
      const [head, , ...rows] = take((l) => l.includes('|'))
      found.push({ kind: 'table', head: cells(head), rows: rows.map(cells) })
    } else if (ITEM.test(line)) {
      found.push(list(take((l) => ITEM.test(l) || /^\s+\S/.test(l))))
    } else {
      at++
      const words = [line, ...take((l) => !endsParagraph(l))]
      found.push({ kind: 'paragraph', children: inline(words.map((l) => l.trim()).join(' ')) })
    }
  }
  return found
}

function endsParagraph(line: string): boolean {
  return line.trim() === '' || FENCE.test(line) || HEADING.test(line) || ITEM.test(line) || line.startsWith('>')
}

/** A nested item counts as an item of its own: cards are flat. Other indented lines go on with the item above. */
function list(lines: readonly string[]): Block {
  const items: string[] = []
  for (const line of lines) {
    const item = ITEM.exec(line)
    if (item) items.push(item[2])
    else items[items.length - 1] += ` ${line.trim()}`
  }
  return { kind: 'list', ordered: ITEM.exec(lines[0])?.[1] !== undefined, items: items.map(inline) }
}

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => inline(cell.trim().replaceAll('\\|', '|')))
}

const INLINE =
  /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*|(?<![\w_])_([^_\s](?:[^_]*[^_\s])?)_(?!\w)|\[([^\]]+)\]\(([^()\s]+)\)|<(https?:\/\/[^>\s]+)>/

function inline(text: string): Inline[] {
  const match = INLINE.exec(text)
  if (!match) return text === '' ? [] : [{ kind: 'text', text }]
  const [whole, code, strong, strong2, emphasis, emphasis2, words, href, bare] = match
  const before = text.slice(0, match.index)
  return [
    ...(before === '' ? [] : [{ kind: 'text', text: before } as const]),
    piece(),
    ...inline(text.slice(match.index + whole.length)),
  ]

  function piece(): Inline {
    if (code !== undefined) return { kind: 'code', text: code }
    const loud = strong ?? strong2
    if (loud !== undefined) return { kind: 'strong', children: inline(loud) }
    const lean = emphasis ?? emphasis2
    if (lean !== undefined) return { kind: 'emphasis', children: inline(lean) }
    if (bare !== undefined) return { kind: 'link', href: bare, children: [{ kind: 'text', text: bare }] }
    if (/^https?:\/\//i.test(href)) return { kind: 'link', href, children: inline(words) }
    return { kind: 'text', text: words }
  }
}
