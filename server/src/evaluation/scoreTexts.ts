/** Many texts through a model of any kind; the answers in the order of the texts. */
import { setTimeout } from 'node:timers/promises'
import { Fault } from '../domain/faults.ts'
import { scoreMany } from '../models/scoreMany.ts'
import { type AnyTextModel, isQueued, type Scored, type TextModel } from '../models/textModel.ts'

export interface ScoreTextsOptions {
  readonly onProgress?: (texts: number) => void
  readonly signal?: AbortSignal
}

/** Texts between two turns of the event loop, for models that score at once. */
const TURN_TEXTS = 500
const PROGRESS_TEXTS = 20
/** A deadline that only ends what hangs. */
const OPTIONS = { deadlineMs: 600_000 }

export async function scoreTexts(
  model: AnyTextModel,
  texts: readonly string[],
  { onProgress, signal }: ScoreTextsOptions = {},
): Promise<Scored[]> {
  const answers = new Array<Scored>(texts.length)
  if (isQueued(model)) {
    let done = 0
    await scoreMany(
      model,
      texts,
      OPTIONS,
      (ms) => setTimeout(ms),
      (i, answer) => {
        signal?.throwIfAborted()
        if (answer instanceof Fault) throw answer
        answers[i] = answer
        if (++done % PROGRESS_TEXTS === 0) onProgress?.(done)
      },
    )
    return answers
  }
  for (const [i, text] of texts.entries()) {
    if (i % TURN_TEXTS === 0) {
      onProgress?.(i)
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
    answers[i] = model.score(text)
  }
  return answers
}

/** A model that knows these answers and no others: what was scored in bulk, for code that asks one by one. */
export function answeredModel(
  labels: readonly string[],
  texts: readonly string[],
  answers: readonly Scored[],
): TextModel {
  const byText = new Map(texts.map((text, i) => [text, answers[i]]))
  return {
    labels,
    score(text) {
      const answer = byText.get(text)
      if (answer === undefined) throw new Error('the text was not scored')
      return answer
    },
    explain() {
      throw new Error('what was answered cannot be explained afterwards')
    },
  }
}
