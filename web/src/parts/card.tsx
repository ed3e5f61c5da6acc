import type { ReactNode } from 'react'
import { type Block, type Inline, markdown } from './markdown.ts'

/** A model card. Its headings stand below those of the page. */
export function Card({ source }: { source: string }) {
  return (
    <div className="grid gap-3 text-sm leading-relaxed [&_h4]:mt-2 [&_h4]:text-base [&_h4]:font-semibold [&_h5]:mt-1 [&_h5]:font-semibold">
      {markdown(source).map(blockElement)}
    </div>
  )
}

function blockElement(block: Block, key: number): ReactNode {
  switch (block.kind) {
    case 'heading':
      return block.level <= 2 ? (
        <h4 key={key}>{inlines(block.children)}</h4>
      ) : (
        <h5 key={key}>{inlines(block.children)}</h5>
      )
    case 'paragraph':
      return (
        <p key={key} className="max-w-prose wrap-anywhere">
          {inlines(block.children)}
        </p>
      )
    case 'code':
      return (
        <pre key={key} tabIndex={0} className="overflow-x-auto rounded-lg bg-well p-3 font-mono text-xs">
          {block.text}
        </pre>
      )
    case 'list': {
      const items = block.items.map((item, i) => <li key={i}>{inlines(item)}</li>)
      return block.ordered ? (
        <ol key={key} className="grid max-w-prose list-decimal gap-1 pl-5">
          {items}
        </ol>
      ) : (
        <ul key={key} className="grid max-w-prose list-disc gap-1 pl-5">
          {items}
        </ul>
      )
    }
    case 'table':
      return (
        <div key={key} role="region" aria-label="Table" tabIndex={0} className="overflow-x-auto">
          <table className="text-left text-sm">
            <thead>
              <tr>
                {block.head.map((cell, i) => (
                  <th key={i} scope="col" className="border-b border-line py-1.5 pr-5 font-medium text-soft">
                    {inlines(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, i) => (
                <tr key={i}>
                  {row.map((cell, j) => (
                    <td key={j} className="border-b border-line py-1.5 pr-5">
                      {inlines(cell)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )
    case 'quote':
      return (
        <blockquote key={key} className="grid gap-3 border-l-2 border-line pl-4 text-soft">
          {block.children.map(blockElement)}
        </blockquote>
      )
    case 'rule':
      return <hr key={key} className="border-line" />
    default:
      throw block satisfies never
  }
}

function inlines(children: readonly Inline[]): ReactNode {
  return children.map((child, key) => {
    switch (child.kind) {
      case 'text':
        return child.text
      case 'code':
        return (
          <code key={key} className="rounded bg-well px-1 py-0.5 font-mono text-[0.85em]">
            {child.text}
          </code>
        )
      case 'strong':
        return <strong key={key}>{inlines(child.children)}</strong>
      case 'emphasis':
        return <em key={key}>{inlines(child.children)}</em>
      case 'link':
        return (
          <a
            key={key}
            href={child.href}
            rel="noreferrer noopener"
            target="_blank"
            className="text-accent underline underline-offset-2"
          >
            {inlines(child.children)}
          </a>
        )
      default:
        throw child satisfies never
    }
  })
}
