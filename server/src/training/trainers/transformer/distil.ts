/**
 * Distillation: a teacher's probabilities for texts without labels → a small student, linear or transformer.
 *
 *   q = softmax(ln p / τ)               the softened target; p the teacher's calibrated probabilities
 *
 * The transformer learns from q at the temperature τ and from the label at 1, with the shares s and 1 − s (Hinton, Vinyals
 * & Dean 2015, §2). A linear student learns s·p + (1 − s)·onehot(y) where the true label y is known, and p where it is not;
 * softening would only change its scale. Either is calibrated to y where it is known, and to p elsewhere.
 */

import { Fault } from '../../../domain/faults.ts'
import type { DataSource, Evaluation } from '../../../domain/version.ts'
import { evaluate } from '../../../evaluation/evaluate.ts'
import { isHeldOut } from '../../../evaluation/heldOut.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { textKey } from '../../../math/hash53.ts'
import { seededRandom } from '../../../math/random.ts'
import { softmax } from '../../../math/softmax.ts'
import type { TransformerRecipe } from '../../../models/text/transformer/recipe.ts'
import type { Scored } from '../../../models/textModel.ts'
import { type Artifact, makeArtifact } from '../../../versions/artifacts/artifact.ts'
import type { TrainingPlan } from '../../recipes/plans.ts'
import { scoreArtifact } from '../scoreArtifact.ts'
import type { Trained, TrainerNeeds } from '../trainer.ts'
import { trainVersion } from '../trainVersion.ts'
import { type Teacher, trainTransformer } from './trainTransformer.ts'

export type Student =
  | { readonly kind: 'linear'; readonly plan: TrainingPlan }
  | { readonly kind: 'transformer'; readonly recipe: TransformerRecipe }

export interface Distil {
  readonly model: string
  readonly task: string
  /** A version of any kind that scores texts. */
  readonly teacher: Artifact
  readonly student: Student
  /** τ ≥ 1: above 1 the teacher's smaller probabilities count for more. */
  readonly temperature: number
  /** s in (0, 1]: the teacher's part where the true label is known. */
  readonly share: number
  readonly texts: readonly string[]
  /** Rows whose true label is known; may be none. */
  readonly rows: readonly LabelledText[]
  readonly seed: number
  readonly threads: number
  readonly data: { readonly sha256: string; readonly sources: readonly DataSource[] }
  readonly test: { readonly name: string; readonly rows: readonly LabelledText[] } | null
  readonly engine: string
  readonly createdAt: string
}

/** What is to be learned of one text. */
interface Lesson {
  readonly text: string
  /** The teacher's probabilities, or the true label where it is known. */
  readonly label: string
  /** [labels] p */
  readonly said: readonly number[]
  /** [labels] p, or the true label */
  readonly believed: readonly number[]
  readonly isKnown: boolean
}

export async function distil(asked: Distil, needs: TrainerNeeds): Promise<Trained> {
  const { teacher, test, seed, threads } = asked
  const { onEvent, signal } = needs
  const { labels } = teacher.manifest
  onEvent({ kind: 'phase', name: 'asking the teacher' })
  const lessons = await learn(asked, signal)
  const student = await train(asked, lessons, needs)

  onEvent({ kind: 'phase', name: 'measuring' })
  const heldOutShare =
    asked.student.kind === 'linear' ? asked.student.plan.recipe.heldOutShare : asked.student.recipe.heldOutShare
  const heldOut = lessons.filter(({ text }) => isHeldOut(text, heldOutShare, `held-out ${seed}`))
  const figures = (name: string, rows: readonly LabelledText[], scored: readonly Scored[]) =>
    evaluationOf(name, rows, scored, labels, seed)
  const say = (artifact: Artifact, rows: readonly { readonly text: string }[]) =>
    scoreArtifact(
      artifact,
      rows.map(({ text }) => text),
      { threads, signal },
    )
  const evaluations: Evaluation[] = []
  const known = heldOut.filter(({ isKnown }) => isKnown)
  if (known.length > 0) evaluations.push(figures('held-out', known, await say(student, known)))
  const saysTeacher = heldOut.map(({ text, said }) => ({ text, label: labels[said.indexOf(Math.max(...said))] }))
  evaluations.push(figures('held-out, agreement with the teacher', saysTeacher, await say(student, heldOut)))
  if (test !== null) {
    const rows = test.rows.filter(({ label }) => labels.includes(label))
    evaluations.push(figures(test.name, rows, await say(student, rows)))
    evaluations.push(figures(`${test.name}, the teacher`, rows, await say(teacher, rows)))
  }
  return {
    artifact: signed(asked, student, evaluations),
    evaluations,
    facts: {
      texts: lessons.length,
      labelled: lessons.filter(({ isKnown }) => isKnown).length,
      heldOut: heldOut.length,
    },
  }
}

/** Scores every text with the teacher once. Texts of the test are left out. */
async function learn({ teacher, texts, rows, test, threads }: Distil, signal: AbortSignal): Promise<Lesson[]> {
  const { labels } = teacher.manifest
  const truth = new Map(rows.filter(({ label }) => labels.includes(label)).map(({ text, label }) => [text, label]))
  const measured = new Set(test?.rows.map(({ text }) => textKey(text)))
  const asks = [...new Set([...truth.keys(), ...texts])].filter(
    (text) => text.trim() !== '' && !measured.has(textKey(text)),
  )
  if (asks.length === 0) throw new Fault('data_broken', { say: 'There are no texts to learn from.' })
  const scored = await scoreArtifact(teacher, asks, { threads, signal })
  return asks.map((text, i) => {
    const known = truth.get(text)
    const said = Array.from(scored[i].probabilities)
    const label = known ?? labels[scored[i].label]
    const believed = known === undefined ? said : labels.map((one) => (one === label ? 1 : 0))
    return { text, label, said, believed, isKnown: known !== undefined }
  })
}

/** softmax(ln p / τ), where a p of 0 is what float32 made of something small. */
function softened(probabilities: readonly number[], temperature: number): number[] {
  return Array.from(softmax(probabilities.map((p) => Math.log(Math.max(p, 1e-45)) / temperature)))
}

async function train(asked: Distil, lessons: readonly Lesson[], needs: TrainerNeeds): Promise<Artifact> {
  const { student, teacher, share, temperature, threads } = asked
  const { labels } = teacher.manifest
  const common = { ...asked, test: null }
  if (student.kind === 'linear') {
    needs.onEvent({ kind: 'phase', name: 'fitting' })
    const rows = lessons.map(({ text, label, said, believed }) => {
      // `believed` is `said` where the label is not known. What is held out is there to calibrate by.
      const part = isHeldOut(text, student.plan.recipe.heldOutShare, `held-out ${asked.seed}`) ? 0 : share
      return { text, label, target: said.map((p, k) => part * p + (1 - part) * believed[k]) }
    })
    const { signal } = needs
    return (await trainVersion({ ...common, plan: student.plan, rows, labels, workers: threads, signal })).artifact
  }
  const byText = new Map(lessons.map((lesson) => [lesson.text, lesson]))
  const whom: Teacher = {
    temperature,
    share,
    labels,
    digest: teacher.digest,
    probabilities: (text) => softened(byText.get(text)?.said ?? [], temperature),
    believed: (text) => byText.get(text)?.believed ?? [],
  }
  const { artifact } = await trainTransformer(
    { ...common, recipe: student.recipe, rows: lessons, base: null, unlabelled: [], teacher: whom },
    needs,
  )
  return artifact
}

function evaluationOf(
  name: string,
  rows: readonly LabelledText[],
  scored: readonly Scored[],
  labels: readonly string[],
  seed: number,
): Evaluation {
  const actual = rows.map(({ label }) => labels.indexOf(label))
  const probabilities = Float64Array.from(scored.flatMap((one) => [...one.probabilities]))
  return evaluate(name, { labels: labels.length, actual, probabilities }, { random: seededRandom(seed) })
}

/** The student with what only a student has: whom it learned from, and how well it agrees. */
function signed(asked: Distil, { manifest, files }: Artifact, evaluations: readonly Evaluation[]): Artifact {
  const { teacher, student, temperature, share } = asked
  const { files: _listed, recipe, ...parts } = manifest
  return makeArtifact(
    {
      ...parts,
      recipe: {
        name: `distil-${student.kind}`,
        parameters: {
          ...recipe.parameters,
          teacher: `${teacher.manifest.model} (${teacher.digest.slice(0, 12)})`,
          temperature,
          share,
        },
      },
      evaluations,
    },
    files,
  )
}
