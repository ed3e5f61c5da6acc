import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { changeStage, rollBack } from '../../api/calls.ts'
import { Button } from '../../parts/button.tsx'
import { FaultNotice } from '../../parts/notice.tsx'
import { Sheet } from '../../parts/sheet.tsx'

export type Change =
  | {
      readonly kind: 'promote' | 'archive'
      readonly model: string
      readonly version: number
      readonly production: number | null
    }
  | { readonly kind: 'roll-back'; readonly model: string; readonly production: number | null; readonly to: string }

const WHY_CHARS_MAX = 500

/** Asks before a change of stage, and for the reason that its record will show. */
export function ChangeSheet({ change, onClose }: { change: Change; onClose: () => void }) {
  const client = useQueryClient()
  const [why, setWhy] = useState('')
  const act = useMutation({
    mutationFn: () =>
      change.kind === 'roll-back'
        ? rollBack(change.model, why.trim())
        : changeStage(change.model, change.version, { action: change.kind, why: why.trim() }),
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['models'] }),
        client.invalidateQueries({ queryKey: ['explain'] }),
      ])
      onClose()
    },
  })
  const { title, what, verb } = wordsOf(change)
  return (
    <Sheet title={title} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (why.trim() !== '' && !act.isPending) act.mutate()
        }}
      >
        <p className="text-sm text-soft">{what}</p>
        <label className="grid gap-1.5 text-sm">
          Why? The record keeps your words.
          <textarea
            value={why}
            onChange={(event) => setWhy(event.target.value)}
            rows={3}
            required
            autoFocus
            maxLength={WHY_CHARS_MAX}
            className="w-full rounded-lg border border-edge/60 bg-panel p-2.5 text-sm"
          />
        </label>
        {act.error && <FaultNotice error={act.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" disabled={why.trim() === '' || act.isPending}>
            {verb}
          </Button>
        </div>
      </form>
    </Sheet>
  )
}

function wordsOf(change: Change): { title: string; what: string; verb: string } {
  const { model, production } = change
  switch (change.kind) {
    case 'promote':
      return {
        title: `Promote ${model} ${change.version}?`,
        what: `Version ${change.version} answers from now on${production === null ? '' : `, in the place of version ${production}`}. No request is lost on the way, and it can be rolled back.`,
        verb: 'Promote',
      }
    case 'archive':
      return {
        title: `Archive ${model} ${change.version}?`,
        what: `Version ${change.version} stays in the registry, out of the way. It can be promoted again.`,
        verb: 'Archive',
      }
    case 'roll-back':
      return {
        title: `Roll ${model} back to ${change.to}?`,
        what: `What was in production before${production === null ? '' : ` version ${production}`} answers again from now on: ${change.to}.`,
        verb: 'Roll back',
      }
    default:
      throw change satisfies never
  }
}
