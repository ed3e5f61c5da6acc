import { basename } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { hubModel } from '../domain/hubModel.ts'
import type { StageEvent, Version } from '../domain/version.ts'
import { readDataset } from '../ingest/files/readRows.ts'
import { loadOnce, promote } from '../loop/promote.ts'
import { modelOpener } from '../serving/openModel.ts'
import type { CalibrationRows } from '../versions/import/calibrateVersion.ts'
import { hubOf, type ImportNeeds, importModel } from '../versions/import/importModel.ts'
import { readLabelsFile } from '../versions/import/labelsFile.ts'
import { ENCODING_OPTION } from './fileOptions.ts'
import { configOf, HOME_OPTION, type HomeOptions, modelsFolder, whoRuns, withStore } from './home.ts'
import { evaluationTable, promoteHint } from './models.ts'
import { modelName } from './options.ts'
import { type Progress, startProgress } from './progress.ts'
import { bytes, count, counted, paint } from './style.ts'
import type { Terminal } from './terminal.ts'
import { version as engine } from './version.ts'

interface Options extends HomeOptions {
  readonly name?: string
  readonly task?: string
  readonly labels?: string
  readonly quantized?: boolean
  readonly calibrate?: string
  readonly textColumn?: string
  readonly encoding?: string
  readonly labelColumn?: string
  readonly promote?: boolean
  readonly why: string
  readonly json?: boolean
}

/** `barometer pull`: a text classifier that others made becomes a version in the registry. */
export function pull(terminal: Terminal): Command {
  return new Command('pull')
    .argument('<model>', 'hf:OWNER/NAME[@REVISION] of the Hugging Face Hub, or a folder with an export', modelWord)
    .option('--name <name>', 'what it is called here (default: as there)', modelName)
    .option(
      '--task <name>',
      'the task that it serves (default: sentiment, if its labels are, else its name)',
      modelName,
    )
    .option('--labels <file>', 'what its labels mean: {"LABEL_0": "negative", …}')
    .option('--quantized', 'weights of 8 bits: its own where it has them, else made of it here')
    .option('--calibrate <path>', 'labelled rows: fit its temperature, measure it, freeze a reference')
    .option('--text-column <name>', 'of those rows')
    .option(...ENCODING_OPTION)
    .option('--label-column <name>', 'of those rows')
    .option('--promote', 'put it into production at once')
    .option('--why <words>', 'the reason, for the record', 'from the command line')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action((word: string, options: Options) => run(terminal, word, options))
}

const EXAMPLES = `
Models lie in the folder that all tools of the Hub share (HF_HUB_CACHE, HF_HOME); HF_ENDPOINT and HF_TOKEN are honoured.
What is there is not fetched again, and a download that was interrupted is resumed. The version lands in \`staging\`.

Examples:
  $ barometer pull hf:distilbert/distilbert-base-uncased-finetuned-sst-2-english --promote
  $ barometer pull hf:OWNER/NAME@v1.0 --quantized --labels labels.json --name mood
  $ barometer pull ./exported --name topic --calibrate rows.csv`

async function run(terminal: Terminal, word: string, options: Options): Promise<void> {
  const config = configOf(terminal, options)
  const signal = terminal.stopSignal()
  const progress = startProgress(terminal, 'Pulling')
  const opener = modelOpener()
  try {
    const labels = await readLabelsFile(options.labels ?? null)
    const rows = await calibrationRows(options, progress, signal)
    const result = await withStore(config, async (store) => {
      const who = whoRuns()
      const needs: ImportNeeds = {
        hub: hubOf(config),
        store,
        modelsFolder: modelsFolder(config),
        open: opener.open,
        now: terminal.now,
        engine,
        onProgress: (now) => tell(progress, now),
        onNotice: (words) => terminal.say(words),
        signal,
      }
      const { version, isNew } = await importModel(
        {
          word,
          model: options.name ?? null,
          task: options.task ?? null,
          labels,
          rows,
          quantised: options.quantized === true,
          first: 'hub',
          who,
          why: options.why,
        },
        needs,
      )
      const promoteNeeds = { registry: store.registry, load: loadOnce(needs), now: terminal.now }
      const isAsked = options.promote && version.stage !== 'production'
      const events = isAsked ? [await promote(version, { who, why: options.why }, promoteNeeds)] : []
      return { version, isNew, events }
    })
    progress.end()
    terminal.print(
      options.json
        ? JSON.stringify(asJson(result))
        : described(result, promoteHint(result.version, terminal, options), terminal.colour),
    )
  } finally {
    progress.end()
    await opener.close()
  }
}

function tell(progress: Progress, now: Parameters<ImportNeeds['onProgress']>[0]): void {
  if ('texts' in now) progress.update(now.texts / now.textsTotal, `calibrating: ${count(now.texts)} texts`)
  else progress.update(now.bytes / now.bytesTotal, `${now.path}: ${bytes(now.bytes)} of ${bytes(now.bytesTotal)}`)
}

async function calibrationRows(
  { calibrate, textColumn, labelColumn, encoding }: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<CalibrationRows | null> {
  if (calibrate === undefined) return null
  const { rows } = await readDataset(calibrate, {
    columns: { text: textColumn, label: labelColumn },
    encoding,
    signal,
    onProgress: (now) => progress.update(null, `reading ${basename(calibrate)}: ${counted(now.rows, 'row')}`),
  })
  return { name: basename(calibrate), rows }
}

interface Result {
  readonly version: Version
  readonly isNew: boolean
  readonly events: readonly StageEvent[]
}

function described({ version, isNew, events }: Result, toServe: string, colour: boolean): string {
  const { model, version: number, task, manifest } = version
  const { temperature, rows } = manifest.calibration
  const { sources } = manifest.data
  const size = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
  const name = `${model}@${number}`
  const stage = events.some(({ to, version }) => to === 'production' && version === number)
    ? 'production'
    : version.stage
  return [
    ...manifest.evaluations.map((one) => `${evaluationTable(one, colour)}\n`),
    `${sources[0]?.name ?? ''}: ${manifest.labels.join(', ')} for the task ${task}, ${bytes(size)}, terms: ${sources[0]?.terms ?? 'not stated'}`,
    rows > 0
      ? `calibrated on ${counted(rows, 'row')}: temperature ${temperature.toFixed(3)}`
      : 'Nothing was measured here, and its confidence is as it came; --calibrate FILE does both.',
    ...(isNew ? [] : [`It was here already, as ${name}.`]),
    paint(
      colour,
      'bold',
      stage === 'production' ? `${name} is in production.` : `${name} is in ${stage}. To serve it: ${toServe}`,
    ),
  ].join('\n')
}

function asJson({ version, isNew, events }: Result): object {
  const { model, version: number, task, digest, manifest } = version
  return {
    model,
    version: number,
    task,
    stage: events.find((event) => event.version === number)?.to ?? version.stage,
    new: isNew,
    digest,
    labels: manifest.labels,
    origin: manifest.recipe.parameters,
    calibration: manifest.calibration,
    evaluations: manifest.evaluations,
  }
}

function modelWord(word: string): string {
  if (word.startsWith('hf:') && hubModel(word) === null)
    throw new InvalidArgumentError('Write hf:OWNER/NAME or hf:OWNER/NAME@REVISION.')
  return word
}
