import { type ReactNode, type RefObject, useEffect, useImperativeHandle, useRef, useState } from 'react'
import type { Row } from './row.ts'

/** Rows above and below the visible ones, so that a quick scroll meets no gap. */
const OVERSCAN = 6

export interface RowListHandle {
  /** Brings a row into view. */
  readonly show: (index: number) => void
  readonly top: () => void
}

interface Props {
  readonly handle: RefObject<RowListHandle | null>
  readonly rows: readonly Row[]
  readonly rowPx: number
  readonly chosen: string | null
  /** Where a key leads from the chosen row. */
  readonly steps: Readonly<Record<string, number>>
  readonly onPick: (index: number) => void
  readonly onAway: (away: boolean) => void
  readonly onEnd: (() => void) | null
  readonly line: (row: Row) => ReactNode
}

/** A list of any length that puts only what can be seen into the page. */
export function RowList({ handle, rows, rowPx, chosen, steps, onPick, onAway, onEnd, line }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ from: 0, count: 40 })

  const look = (): void => {
    const { scrollTop, clientHeight } = box.current ?? { scrollTop: 0, clientHeight: 800 }
    const from = Math.max(0, Math.floor(scrollTop / rowPx) - OVERSCAN)
    const count = Math.ceil(clientHeight / rowPx) + 2 * OVERSCAN
    setView((old) => (old.from === from && old.count === count ? old : { from, count }))
  }

  useEffect(() => {
    look()
    const watch = new ResizeObserver(look)
    if (box.current) watch.observe(box.current)
    return () => watch.disconnect()
  }, [rowPx])

  useImperativeHandle(handle, () => ({
    show(index) {
      const { current } = box
      if (!current) return
      const at = index * rowPx
      if (at < current.scrollTop) current.scrollTop = at
      else if (at + rowPx > current.scrollTop + current.clientHeight)
        current.scrollTop = at + rowPx - current.clientHeight
    },
    top: () => box.current?.scrollTo({ top: 0 }),
  }))

  const visible = rows.slice(view.from, view.from + view.count)
  const chosenIsHere = visible.some((row) => row.id === chosen)
  return (
    <div
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label="Predictions, newest first"
      aria-activedescendant={chosenIsHere ? `row-${chosen}` : undefined}
      className="relative min-h-0 flex-1 overflow-y-auto -outline-offset-2"
      onKeyDown={(event) => {
        const to = steps[event.key]
        if (to === undefined) return
        event.preventDefault()
        onPick(to)
      }}
      onScroll={(event) => {
        look()
        const { scrollTop, clientHeight, scrollHeight } = event.currentTarget
        onAway(scrollTop > rowPx / 2)
        if (scrollTop + clientHeight > scrollHeight - 10 * rowPx) onEnd?.()
      }}
    >
      <div role="presentation" style={{ height: rows.length * rowPx }} />
      {visible.map((row, i) => (
        <div
          key={row.id}
          id={`row-${row.id}`}
          role="option"
          aria-selected={row.id === chosen}
          aria-setsize={rows.length}
          aria-posinset={view.from + i + 1}
          onClick={() => onPick(view.from + i)}
          className="absolute inset-x-0 top-0 border-b border-line/60"
          style={{ height: rowPx, transform: `translateY(${(view.from + i) * rowPx}px)` }}
        >
          {line(row)}
        </div>
      ))}
    </div>
  )
}
