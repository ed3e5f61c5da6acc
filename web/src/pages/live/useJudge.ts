import type { FeedbackEvent } from '@barometer/wire'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { feedback } from '../../api/calls.ts'
import { createJudge, type Judge, type Judged } from './judge.ts'

/** Time to think again before a label is sent. */
const GRACE_MS = 4000

export interface UseJudge {
  readonly judge: Judge
  readonly pending: ReadonlyMap<string, string>
  /** What happened last, in a sentence. */
  readonly said: string
  readonly say: (sentence: string) => void
  readonly error: unknown
}

/** Feedback by key on real time; `mark` is told what the server took. */
export function useJudge(mark: (event: FeedbackEvent) => void): UseJudge {
  const client = useQueryClient()
  const [pending, setPending] = useState<ReadonlyMap<string, string>>(new Map())
  const [said, say] = useState('')
  const [error, setError] = useState<unknown>(null)
  const taken = useRef(mark)
  taken.current = mark

  const judge = useMemo(() => {
    const send = async ({ id, label }: Judged, closing: boolean): Promise<void> => {
      try {
        const result = await feedback({ prediction_id: id, label }, closing)
        setError(null)
        if (result && 'correct' in result) taken.current({ prediction_id: id, label, correct: result.correct })
        say(`Saved: ${label}.`)
        void client.invalidateQueries({ queryKey: ['prediction', id] })
        void client.invalidateQueries({ queryKey: ['stats'] })
      } catch (fault) {
        setError(fault)
      }
    }
    const made: Judge = createJudge({
      graceMs: GRACE_MS,
      send: (judged, closing) => void send(judged, closing),
      changed: () => setPending(made.pending()),
      after: (ms, act) => {
        const timer = setTimeout(act, ms)
        return () => clearTimeout(timer)
      },
    })
    return made
  }, [client])

  useEffect(() => {
    // Leaving the page, or only this part of it, is no reason to lose a label.
    addEventListener('pagehide', judge.flush)
    return () => {
      removeEventListener('pagehide', judge.flush)
      judge.flush()
    }
  }, [judge])

  return { judge, pending, said, say, error }
}
