import { availableParallelism } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { storeArtifact } from '../artifacts/folder.ts'
import { openAtOnce } from '../artifacts/loadArtifact.ts'
import type { Config } from '../config.ts'
import { type ReadReport, type Row, readDataset } from '../datasets/readRows.ts'
import type { StageEvent, Version } from '../domain/version.ts'
import { register } from '../loop/register.ts'
import { trainingPlans } from '../training/plans.ts'
import type { TrainingProgress } from '../training/trainLinear.ts'
import { type TrainedVersion, trainVersion } from '../training/trainVersion.ts'
import { UsageError } from './failure.ts'
import { configOf, HOME_OPTION, type HomeOptions, modelsFolder, whoRuns, withStore } from './home.ts'
import { evaluationTable } from './models.ts'
import { modelName, wholeNumber } from './options.ts'
import { duration, type Progress, startProgress } from './progress.ts'
import { bytes, count, curve, paint, percent } from './style.ts'
import type { Terminal } from './terminal.ts'
import { version as engine } from './version.ts'

interface Options extends HomeOptions {
  readonly data: string
  readonly test?: string
  readonly name: string
  readonly task?: string
  readonly textColumn?: string
  readonly labelColumn?: string
  readonly header: boolean
  readonly recipe: string
  readonly seed: number
  readonly threads?: number
  readonly out?: string
  readonly promote?: boolean
  readonly why: string
  readonly terms?: string
  readonly json?: boolean
}

/** `barometer train`: labelled rows become a version in the registry. */
export function train(terminal: Terminal): Command {
  return new Command('train')
    .requiredOption('--data <path>', 'labelled rows: .csv .tsv .jsonl .parquet, also .gz')
    .requiredOption('--name <name>', 'name of the model', modelName)
    .option('--task <name>', 'the task that it serves (default: its name)', modelName)
    .option('--text-column <name>', 'where the text is (default: where there is no doubt)')
    .option('--label-column <name>', 'where the label is (default: where there is no doubt)')
    .option('--no-header', 'the first line is a row already; columns are called 1, 2, 3 …')
    .option('--test <path>', 'rows to measure on, never trained on (default: only the held-out part)')
    .addOption(new Option('--recipe <recipe>', 'how to train').choices(Object.keys(trainingPlans)).default('linear'))
    .option('--seed <n>', 'the same seed and rows give the same model', wholeNumber(0, 2 ** 31 - 1), 1)
    .option(
      '--threads <n>',
      'that train (default: one a core); the result is the same with any number',
      wholeNumber(1, 64),
    )
    .option('--promote', 'put it into production at once')
    .option('--why <words>', 'the reason, for the record', 'from the command line')
    .option('--terms <words>', 'licence or terms of the data, for the manifest', terms)
    .option('--out <folder>', 'write the artifact there instead of registering it')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      if (options.out !== undefined && options.promote)
        throw new UsageError('--out registers nothing, so there is nothing to --promote.')
      await run(terminal, options)
    })
}

const EXAMPLES = `
Bad rows are told by line and left out; from 1 % on the data is refused. The version lands in \`staging\`.

Examples:
  $ barometer train --data tickets.csv --text-column body --label-column team --name team
  $ barometer train --data train.jsonl.gz --test test.jsonl.gz --name reviews --recipe imdb --promote
  $ barometer train --data rows.parquet --name topic --out ./topic && barometer predict --model ./topic "…"`

async function run(terminal: Terminal, options: Options): Promise<void> {
  const config = configOf(terminal, options)
  const signal = terminal.stopSignal()
  const began = performance.now()
  const progress = startProgress(terminal, 'Training')
  const heldOut: number[] = []
  try {
    const data = await read(terminal, options.data, options, progress, signal)
    const test = options.test === undefined ? null : await read(terminal, options.test, options, progress, signal)
    const made = await trainVersion({
      model: options.name,
      task: options.task ?? options.name,
      plan: trainingPlans[options.recipe],
      seed: options.seed,
      workers: options.threads ?? availableParallelism(),
      rows: data.rows,
      data: {
        sha256: data.report.sha256,
        source: { name: basename(options.data), ...(options.terms === undefined ? {} : { terms: options.terms }) },
      },
      test: test === null || options.test === undefined ? null : { name: basename(options.test), rows: test.rows },
      engine,
      createdAt: new Date(terminal.now()).toISOString(),
      onProgress: (now) => {
        if (now.heldOutLoss !== null) heldOut.push(now.heldOutLoss)
        progress.update(shareOf(now), stepWords(now, heldOut))
      },
      signal,
    })
    progress.end()
    const kept = await keep(config, options, made, terminal.now())
    const result = { data: data.report, made, kept, seconds: (performance.now() - began) / 1000 }
    terminal.print(options.json ? JSON.stringify(asJson(result)) : described(result, terminal.colour))
  } catch (error) {
    progress.end()
    throw error
  }
}

async function read(
  terminal: Terminal,
  path: string,
  { textColumn, labelColumn, header }: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ rows: Row[]; report: ReadReport }> {
  const result = await readDataset(path, {
    columns: { text: textColumn, label: labelColumn },
    header,
    signal,
    onProgress: (now) =>
      progress.update(
        now.bytesTotal === 0 ? null : now.bytes / now.bytesTotal,
        `reading ${basename(path)}: ${count(now.rows)} rows`,
      ),
  })
  progress.end()
  for (const line of readWords(result.report)) terminal.say(line)
  return result
}

function readWords(report: ReadReport): string[] {
  const { columns, badShown, bad } = report
  const guessed = report.columnsGuessed ? ` (text: “${columns.text}”, label: “${columns.label}”)` : ''
  const shares = [...report.labels]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8)
    .map(([label, rows]) => `${label} ${percent(rows / report.rows)}`)
  const more = report.labels.size > 8 ? ` and ${report.labels.size - 8} more labels` : ''
  return [
    `${basename(report.path)}: ${count(report.rows)} rows${guessed}: ${shares.join(', ')}${more}`,
    ...(report.contradictions > 0
      ? [`  ${count(report.contradictions)} rows have the text of another row and another label`]
      : []),
    ...(bad > 0 ? [`  ${count(bad)} rows are bad and were left out:`] : []),
    ...badShown.map(({ line, reason }) => `    line ${line}: ${reason}`),
    ...(bad > badShown.length ? [`    and ${count(bad - badShown.length)} more`] : []),
  ]
}

/** Of the whole: reading and features take about a third, the solver nearly all of the rest. */
function shareOf({ phase, done, total }: TrainingProgress): number | null {
  switch (phase) {
    case 'reading':
      return null
    case 'preparing':
      return 0.3
    case 'fitting':
      return 0.35 + 0.6 * (total === null || total === 0 ? 0 : Math.min(1, done / total))
    case 'calibrating':
      return 0.97
    default:
      return phase satisfies never
  }
}

function stepWords(now: TrainingProgress, heldOut: readonly number[]): string {
  const { phase, done, loss, heldOutLoss, heldOutAccuracy } = now
  switch (phase) {
    case 'reading':
      return `features: ${count(done)} rows`
    case 'preparing':
      return 'vocabulary'
    case 'fitting': {
      const accuracy =
        heldOutAccuracy === null || Number.isNaN(heldOutAccuracy) ? '' : `accuracy ${percent(heldOutAccuracy)}`
      const figures = [
        `step ${done}`,
        loss === null ? '' : `loss ${loss.toFixed(4)}`,
        heldOutLoss === null ? '' : `held-out ${heldOutLoss.toFixed(4)} ${curve(heldOut)}`,
        accuracy,
      ]
      return figures.filter((figure) => figure !== '').join(', ')
    }
    case 'calibrating':
      return 'calibrating'
    default:
      return phase satisfies never
  }
}

type Kept =
  | { readonly kind: 'registered'; readonly version: Version; readonly events: readonly StageEvent[] }
  | { readonly kind: 'written'; readonly folder: string }

async function keep(config: Config, options: Options, { artifact }: TrainedVersion, at: number): Promise<Kept> {
  if (options.out !== undefined) {
    await storeArtifact(resolve(options.out), artifact)
    return { kind: 'written', folder: options.out }
  }
  return withStore(config, async (store) => {
    const who = whoRuns()
    const version = await register(
      artifact,
      { who, why: options.why },
      { store, modelsFolder: modelsFolder(config), open: openAtOnce, now: () => at },
    )
    const { model, version: number } = version
    const events = options.promote
      ? await store.registry.promote({ model, version: number, who, why: options.why, at })
      : []
    return { kind: 'registered', version, events }
  })
}

interface Result {
  readonly data: ReadReport
  readonly made: TrainedVersion
  readonly kept: Kept
  readonly seconds: number
}

function described({ made, kept, seconds }: Result, colour: boolean): string {
  const { trained, artifact, leftOut } = made
  const size = Object.values(artifact.files).reduce((sum, file) => sum + file.length, 0)
  return [
    ...made.evaluations.map((one) => `${evaluationTable(one, colour)}\n`),
    `${count(trained.rows)} rows trained on, ${count(trained.calibration.rows)} held out, ${count(trained.features)} features, ${trained.steps} steps, ${bytes(size)}, ${duration(seconds * 1000)}`,
    ...(leftOut > 0 ? [`${count(leftOut)} rows were left out of training, because the test has their text`] : []),
    paint(colour, 'bold', keptWords(kept)),
  ].join('\n')
}

function keptWords(kept: Kept): string {
  if (kept.kind === 'written')
    return `Written to ${kept.folder}; try it: barometer predict --model ${join('.', kept.folder)} "…"`
  const { model, version } = kept.version
  const promoted = kept.events.some((event) => event.to === 'production')
  return promoted
    ? `${model}@${version} is in production.`
    : `${model}@${version} is in staging. To serve it: barometer models promote ${model}@${version}`
}

function asJson({ data, made, kept, seconds }: Result): object {
  const { manifest, digest } = made.artifact
  return {
    model: manifest.model,
    version: kept.kind === 'registered' ? kept.version.version : null,
    stage:
      kept.kind === 'registered'
        ? (kept.events.find((event) => event.version === kept.version.version)?.to ?? kept.version.stage)
        : null,
    folder: kept.kind === 'written' ? kept.folder : null,
    digest,
    evaluations: made.evaluations,
    calibration: manifest.calibration,
    data: {
      rows: data.rows,
      bad: data.bad,
      duplicates: data.duplicates,
      contradictions: data.contradictions,
      left_out: made.leftOut,
      sha256: data.sha256,
    },
    features: made.trained.features,
    steps: made.trained.steps,
    seconds,
  }
}

function terms(word: string): string {
  if (word.trim() === '' || word.length > 200) throw new InvalidArgumentError('It has 1 to 200 characters.')
  return word
}
