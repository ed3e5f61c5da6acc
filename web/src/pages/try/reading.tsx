import type { ExplainAnswer } from '@barometer/wire'
import { Bars } from '../../charts/bars.tsx'
import { Dial } from '../../charts/dial.tsx'
import { percent, sureness, titled } from '../../parts/format.ts'
import { look, scaleOf } from '../../parts/labels.ts'
import { Mark } from '../../parts/mark.tsx'
import { useRested } from '../../state/hooks.ts'

interface Props {
  readonly labels: readonly string[]
  readonly answer: ExplainAnswer | null
  /** Said in the answer's place while there is none. */
  readonly instead: string
}

/** A screen reader is told once the answer rests, not at every letter. */
const SPOKEN_AFTER_MS = 1000

/** What the model makes of the text: the label large, how sure it is, and what it gives to every label. */
export function Reading({ labels, answer, instead }: Props) {
  const scale = scaleOf(labels)
  const said = useRested(
    answer ? `${verdictOf(answer)}, ${sureness(answer.confidence)}, ${percent(answer.confidence)}` : '',
    SPOKEN_AFTER_MS,
  )
  const tone = answer && !answer.unknown ? look(answer.label, labels).tone : 'quiet'
  return (
    <section aria-label="Reading" className={`panel tone-${tone} grid content-start gap-5 p-5`}>
      {scale && (
        <div className="grid justify-items-center pt-1">
          <Dial scale={scale} probabilities={answer?.probabilities ?? null} />
        </div>
      )}
      <div className="grid gap-0.5">
        <p className="flex h-10 items-center gap-3 text-3xl font-semibold tracking-tight text-(--tone)">
          {answer ? (
            <>
              {!answer.unknown && <Mark label={answer.label} labels={labels} size={22} />}
              <span
                data-testid="label"
                className={answer.unknown ? 'truncate text-xl leading-10' : 'truncate leading-10'}
              >
                {verdictOf(answer)}
              </span>
            </>
          ) : (
            <span className="font-normal">–</span>
          )}
        </p>
        <p className="text-soft">
          {answer ? (
            <>
              {answer.unknown ? `${titled(answer.label)} is only what is usual` : titled(sureness(answer.confidence))},{' '}
              <span className="text-ink">{percent(answer.confidence)}</span>
            </>
          ) : (
            instead
          )}
        </p>
      </div>
      <p role="status" className="sr-only">
        {said}
      </p>
      <Bars labels={labels} probabilities={answer?.probabilities ?? null} label={answer?.label ?? null} />
      <p className="truncate border-t border-line pt-3 text-xs text-soft">
        {answer ? `${answer.model}, version ${answer.version}` : 'The model that answers is named here'}
      </p>
    </section>
  )
}

/** Of a text without a known word the label says nothing, so it is not shown large. */
function verdictOf({ label, unknown }: ExplainAnswer): string {
  return unknown ? 'No known words' : titled(label)
}
