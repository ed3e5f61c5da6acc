/**
 * Makes the severity model and measures it where it has never been: on facilities of devices, on programs of hosts and
 * on whole systems that no training row comes from. Lines of one of them resemble each other, so a random split would
 * flatter it, and so would intervals over single lines: whole facilities, programs and templates are resampled.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Evaluation } from '../server/src/domain/version.ts'
import { evaluate } from '../server/src/evaluation/evaluate.ts'
import { makeReference } from '../server/src/evaluation/makeReference.ts'
import {
  type DeviceMessage,
  type LoghubLine,
  loghubSystems,
  readDeviceMessages,
  readLoghub,
} from '../server/src/ingest/files/public.ts'
import { hash53 } from '../server/src/math/hash53.ts'
import { seededRandom } from '../server/src/math/random.ts'
import { severityLexicon } from '../server/src/models/logs/lexicon.ts'
import { readings } from '../server/src/models/logs/readings.ts'
import { severityRecipe } from '../server/src/models/logs/recipe.ts'
import { severityLabels, severityModel, severityRule } from '../server/src/models/logs/severityModel.ts'
import { recipeParameters } from '../server/src/models/text/recipes.ts'
import type { TextModel } from '../server/src/models/textModel.ts'
import { calibrationError } from '../server/src/stats/probabilities.ts'
import type { TrainingRow } from '../server/src/training/trainers/linear/corpus.ts'
import { type TrainedLinear, trainLinear } from '../server/src/training/trainers/linear/trainLinear.ts'
import { writeArtifact } from '../server/src/versions/artifacts/folder.ts'
import { REFERENCE_NAME, referenceBytes } from '../server/src/versions/artifacts/reference.ts'
import { type LogLine, severityLines } from './severityLines.ts'

export interface MakeSeverity {
  /** Folder of the public data sets. */
  readonly data: string
  readonly out: string
  readonly seed: number
  readonly workers: number
  readonly engine: string
  readonly createdAt: string
}

const FOLDS = 5
/** A line of our own counts as so many templates of a vendor: there are two hundred times fewer of them. */
const OWN_WEIGHT = 25
/** The manual's explanation of a message brings in words, but says them differently from a log. */
const DESCRIPTION_WEIGHT = 0.3

export async function makeSeverity({ data, out, seed, workers, engine, createdAt }: MakeSeverity): Promise<void> {
  const messages = await readDeviceMessages(data)
  const train = (rows: TrainingRow[]) =>
    trainLinear({ rows, labels: severityLabels, recipe: severityRecipe, lexicon: severityLexicon, seed, workers })

  const crossed = await crossValidate(messages, train, seed)
  const rows = trainingRows(messages, severityLines)
  const trained = await train(rows)
  const model = severityModel(trained.model)
  const evaluations = [...crossed, ...(await loghubEvaluations(data, model, seed))]
  const heldOut = {
    labels: severityLabels.length,
    actual: trained.heldOut.truth,
    probabilities: trained.heldOut.probabilities,
  }
  const held = evaluate('held-out', heldOut, { random: seededRandom(seed) })
  const card = readOptional(join(out, 'card.md'))
  await writeArtifact(
    out,
    {
      format: 1,
      kind: 'severity',
      model: 'severity',
      task: 'severity',
      labels: severityLabels,
      recipe: { name: severityRecipe.name, parameters: { ...recipeParameters(severityRecipe), ...severityRule } },
      seed,
      data: {
        rows: rows.length,
        sha256: rows
          .reduce((hash, row) => hash.update(`${row.label}\n${row.text}\n`), createHash('sha256'))
          .digest('hex'),
        sources: [
          {
            name: 'network_device_log_severity (KnowLog)',
            rows: messages.length,
            terms: 'MIT; from the vendors’ public manuals',
          },
          { name: 'starter/severityLines.ts', rows: severityLines.length, terms: 'written for Barometer' },
        ],
      },
      evaluations: [held, ...evaluations],
      calibration: { ...trained.calibration, ece: calibrationError(heldOut).ece },
      engine,
      createdAt,
    },
    {
      ...trained.artifactFiles,
      [REFERENCE_NAME]: referenceBytes(makeReference(model, trained.heldOut.texts, seededRandom(seed))),
      ...(card === undefined ? {} : { 'card.md': card }),
    },
    { replace: true },
  )
  for (const { name, rows, metrics } of [held, ...evaluations]) {
    const shown = ['accuracy', 'macroF1', 'macroRecall', 'ece'].flatMap((metric) => {
      const estimate = metrics[metric]
      return estimate === undefined
        ? []
        : `${metric} ${percent(estimate.value)} [${percent(estimate.low)}, ${percent(estimate.high)}]`
    })
    console.log(name, rows, shown.join('  '))
  }
}

type Train = (rows: TrainingRow[]) => Promise<TrainedLinear>

/** Every facility and every program is scored once, by a model that has not seen it. */
async function crossValidate(messages: readonly DeviceMessage[], train: Train, seed: number): Promise<Evaluation[]> {
  const scored = { message: scores(), named: scores(), own: scores() }
  for (let fold = 0; fold < FOLDS; fold++) {
    const isTest = (group: string) => hash53(`fold${group}`) % FOLDS === fold
    const { model } = await train(
      trainingRows(
        messages.filter(({ group }) => !isTest(group)),
        severityLines.filter((line) => !isTest(program(line))),
      ),
    )
    const severity = severityModel(model)
    for (const message of messages.filter(({ group }) => isTest(group))) {
      scored.message.add(severity, message.text, message.label, message.group)
      scored.named.add(severity, named(message), message.label, message.group)
    }
    for (const line of severityLines.filter((each) => isTest(program(each))))
      scored.own.add(severity, line.text, line.label, program(line))
    console.error(`fold ${fold + 1} of ${FOLDS}`)
  }
  return [
    scored.message.evaluation('devices/facility-disjoint, message alone', seed),
    scored.named.evaluation('devices/facility-disjoint, with mnemonic', seed),
    scored.own.evaluation('hosts/program-disjoint', seed),
  ]
}

/** The systems of loghub are nowhere in the training data. */
async function loghubEvaluations(data: string, model: TextModel, seed: number): Promise<Evaluation[]> {
  const words = scores()
  const lines = scores()
  const bySystem: Evaluation[] = []
  for (const system of loghubSystems) {
    const rows = await readLoghub(data, system)
    const own = scores()
    const templates = new Map<string, LoghubLine>()
    for (const row of rows) {
      lines.add(model, row.raw, row.label, system + row.template)
      // A template that occurs with several levels counts with each.
      const key = `${row.label} ${row.template}`
      if (!templates.has(key)) templates.set(key, row)
    }
    for (const row of templates.values()) {
      words.add(model, row.text, row.label, system)
      own.add(model, row.text, row.label, row.template)
    }
    bySystem.push(own.evaluation(`loghub/${system}, templates without level`, seed))
  }
  return [
    words.evaluation('loghub/all systems, templates without level', seed),
    lines.evaluation('loghub/all systems, lines as they are', seed),
    ...bySystem,
  ]
}

function trainingRows(messages: readonly DeviceMessage[], lines: readonly LogLine[]): TrainingRow[] {
  const rows: TrainingRow[] = []
  for (const message of messages) {
    const { label, group, description, text } = message
    const heldOut = hash53(`held-out ${group}`) / 2 ** 53 < severityRecipe.heldOutShare
    rows.push({ text: learned(text), label, heldOut, weight: 0.5 })
    rows.push({ text: learned(named(message)), label, heldOut, weight: 0.5 })
    // Held-out rows are what is scored later: messages, not prose.
    if (!heldOut && description.length > 5)
      rows.push({ text: learned(description), label, heldOut, weight: DESCRIPTION_WEIGHT })
  }
  for (const { text, label } of lines) rows.push({ text: learned(text), label, heldOut: false, weight: OWN_WEIGHT })
  return rows
}

/** The message behind its mnemonic, as devices print it, without the facility and the severity between them. */
function named({ mnemonic, text }: DeviceMessage): string {
  return `${mnemonic.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ')}: ${text}`
}

/** What is said to have written the line; lines without a program are their own. */
function program({ text }: LogLine): string {
  return /^[\w-]+(?=[[(:\]/])/.exec(text)?.[0] ?? text
}

/** Collects scores, and measures them with whole groups resampled. */
function scores() {
  const actual: number[] = []
  const probabilities: number[] = []
  const groups: number[] = []
  const groupOf = new Map<string, number>()
  return {
    add(model: TextModel, text: string, label: string, group: string): void {
      actual.push(severityLabels.findIndex((each) => each === label))
      probabilities.push(...model.score(text).probabilities)
      if (!groupOf.has(group)) groupOf.set(group, groupOf.size)
      groups.push(groupOf.get(group) ?? 0)
    },
    evaluation: (name: string, seed: number): Evaluation =>
      evaluate(name, { labels: severityLabels.length, actual, probabilities }, { random: seededRandom(seed), groups }),
  }
}

function readOptional(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

function percent(share: number): string {
  return (100 * share).toFixed(1)
}

/**
 * What the model of words learns of a line: all of it. The manuals' messages have no structure around them, and of words
 * like "no errors", which the served model takes for what they say, some stand in messages that are grave.
 */
function learned(line: string): string {
  return readings[1](line).words
}
