import { type PointerEvent, type RefObject, useRef } from 'react'
import type { Axis, Piece } from '../../parts/lean.ts'
import { Painted, type Stretch } from '../../parts/painted.tsx'
import type { Weighed } from './readout.tsx'

interface Props {
  readonly box: RefObject<HTMLTextAreaElement | null>
  readonly text: string
  readonly pieces: readonly Piece[]
  readonly axis: Axis
  readonly labels: readonly string[]
  readonly lit: Stretch | null
  readonly onText: (text: string) => void
  readonly onLit: (weighed: Weighed | null) => void
  readonly onLog: () => void
}

/**
 * A text box whose words are coloured while one types: behind the transparent box lies a copy of the text that
 * carries the colours. The copy gives the box its height. Pointing at a word, or moving the caret into it, lights it.
 */
export function TextBox({ box, text, pieces, axis, labels, lit, onText, onLit, onLog }: Props) {
  /** The text at the last move of the caret: a move by typing lights nothing. */
  const seen = useRef(text)

  function pointAt(event: PointerEvent): void {
    if (event.pointerType === 'touch') return
    const under = document.elementsFromPoint(event.clientX, event.clientY)
    const start = under.map((element) => element.getAttribute('data-start')).find((value) => value !== null)
    const piece = pieces.find((p) => p.strength > 0 && String(p.start) === start)
    if (piece?.start !== lit?.start) onLit(piece ?? null)
  }

  function caretMoved(): void {
    const caret = box.current?.selectionStart ?? 0
    const typed = seen.current !== text
    seen.current = text
    onLit(typed ? null : (pieces.find((p) => p.strength > 0 && p.start <= caret && caret <= p.end) ?? null))
  }

  return (
    <div
      className="panel max-h-[50vh] min-h-44 overflow-y-auto focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent"
      onPointerMove={pointAt}
      onPointerLeave={() => onLit(null)}
    >
      <div className="stack min-h-44 text-lg leading-relaxed">
        <div aria-hidden="true" data-testid="painted">
          <Painted pieces={pieces} axis={axis} labels={labels} lit={lit} />
          {/* A last line that is empty has a height only if something stands on it. */}
          {'\u200b'}
        </div>
        <textarea
          ref={box}
          id="text"
          value={text}
          aria-label="Text to score"
          aria-describedby="readout keys-of-text"
          placeholder="Type or paste a text…"
          autoComplete="off"
          spellCheck={false}
          rows={1}
          className="resize-none overflow-hidden bg-transparent text-transparent caret-ink outline-none selection:bg-accent/25"
          onChange={(event) => onText(event.target.value)}
          onSelect={caretMoved}
          onBlur={() => onLit(null)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') event.currentTarget.blur()
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            onLog()
          }}
        />
      </div>
    </div>
  )
}
