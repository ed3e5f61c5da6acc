import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Block, type Inline, markdown } from './markdown.ts'

const links = (blocks: readonly Block[]): string[] => {
  const found: string[] = []
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk)
    else if (typeof node === 'object' && node !== null) {
      if ('href' in node) found.push(String(node.href))
      Object.values(node).forEach(walk)
    }
  }
  walk(blocks)
  return found
}

const text = (children: readonly Inline[]): string =>
  children.map((c) => (c.kind === 'text' || c.kind === 'code' ? c.text : text(c.children))).join('')

describe('the Markdown of a card', () => {
  test('reads what cards are made of', () => {
    const card = [
      '---',
      'license: mit',
      '---',
      '# Sentiment',
      'Trained on **reviews** and',
      '`posts`.',
      '',
      '- one',
      '- two',
      '  goes on',
      '',
      '1. first',
      '',
      '| test | accuracy |',
      '|---|---:|',
      '| imdb | 91.8 |',
      '',
      '> weak on *irony*',
      '',
      '```sh',
      'barometer train # **not** strong',
      '```',
      '***',
    ].join('\n')
    const blocks = markdown(card)
    expect(blocks.map((b) => b.kind)).toEqual([
      'heading',
      'paragraph',
      'list',
      'list',
      'table',
      'quote',
      'code',
      'rule',
    ])
    expect(blocks[1]).toEqual({
      kind: 'paragraph',
      children: [
        { kind: 'text', text: 'Trained on ' },
        { kind: 'strong', children: [{ kind: 'text', text: 'reviews' }] },
        { kind: 'text', text: ' and ' },
        { kind: 'code', text: 'posts' },
        { kind: 'text', text: '.' },
      ],
    })
    expect(blocks[2]).toMatchObject({ ordered: false, items: [[{ text: 'one' }], [{ text: 'two goes on' }]] })
    expect(blocks[3]).toMatchObject({ ordered: true })
    expect(blocks[4]).toMatchObject({
      head: [[{ text: 'test' }], [{ text: 'accuracy' }]],
      rows: [[[{ text: 'imdb' }], [{ text: '91.8' }]]],
    })
    expect(blocks[6]).toEqual({ kind: 'code', text: 'barometer train # **not** strong' })
  })

  test('a link goes to http(s) or nowhere', () => {
    const bad = ['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', '//elsewhere', ' https://x'].map(
      (href) => `[go](${href})`,
    )
    expect(links(markdown(bad.join('\n\n')))).toEqual([])
    expect(links(markdown('[go](https://example.org/a) <http://b.example>'))).toEqual([
      'https://example.org/a',
      'http://b.example',
    ])
  })

  test('HTML stays text, letter by letter', () => {
    const html = '<img src=x onerror=alert(1)><script>x</script>'
    const [block] = markdown(html)
    expect(block.kind === 'paragraph' && text(block.children)).toBe(html)
  })

  test('snake_case and 2 * 3 * 4 are not emphasis', () => {
    const [block] = markdown('macro_f1_score and 2 * 3 * 4')
    expect(block).toMatchObject({ children: [{ kind: 'text', text: 'macro_f1_score and 2 * 3 * 4' }] })
  })

  test('ends on every input, and makes no link that is not http(s)', () => {
    const part = fc.constantFrom(
      '#',
      '|',
      '-',
      '---',
      '\n',
      '`',
      '```',
      '*',
      '**',
      '_',
      '[a](',
      'https://x',
      'javascript:',
      ')',
      '>',
      ' ',
      'word',
      '1.',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        for (const href of links(markdown(parts.join('')))) expect(href).toMatch(/^https?:/)
      }),
      { numRuns: 500 },
    )
  })
})
