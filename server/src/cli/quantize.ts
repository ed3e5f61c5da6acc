import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { Command } from 'commander'
import type { StageEvent, Version } from '../domain/version.ts'
import { readDataset } from '../ingest/files/readRows.ts'
import { loadOnce, promote } from '../loop/promote.ts'
import { register } from '../loop/register.ts'
import { modelOpener } from '../serving/openModel.ts'
import { type QuantizeChange, quantizeVersion } from '../training/trainers/transformer/quantizeVersion.ts'
import { ENCODING_OPTION, HEADER_OPTION } from './fileOptions.ts'
import { configOf, HOME_OPTION, type HomeOptions, modelsFolder, whoRuns, withStore } from './home.ts'
import { promoteHint } from './models.ts'
import { modelName, wholeNumber } from './options.ts'
import { type Progress, startProgress } from './progress.ts'
import { bytes, count, counted, paint, table } from './style.ts'
import type { Terminal } from './terminal.ts'
import { version as engine } from './version.ts'
import { type LoadedVersion, loadVersion, WISH_HELP, type Wish, wish } from './versions.ts'

interface Options extends HomeOptions {
  readonly rows: string
  readonly name?: string
  readonly textColumn?: string
  readonly labelColumn?: string
  readonly header: boolean
  readonly encoding?: string
  readonly embeddings: boolean
  readonly threads: number
  readonly seed: number
  readonly promote?: boolean
  readonly why: string
  readonly json?: boolean
}

/** `barometer quantize`: a transformer with weights of 8 bits, and what that costs on rows of one's own. */
export function quantize(terminal: Terminal): Command {
  return new Command('quantize')
    .argument('<model>', WISH_HELP, wish)
    .requiredOption('--rows <path>', 'labelled rows that it was not trained on: both precisions are measured on them')
    .option('--name <name>', 'what the model of 8 bits is called (default: as the model)', modelName)
    .option('--text-column <name>', 'where the text is (default: where there is no doubt)')
    .option('--label-column <name>', 'where the label is (default: where there is no doubt)')
    .option(...HEADER_OPTION)
    .option(...ENCODING_OPTION)
    .option('--no-embeddings', 'keep the embedding tables in float32: a larger file, a little closer to the model')
    .option('--threads <n>', 'for scoring', wholeNumber(1, 256), availableParallelism())
    .option('--seed <n>', 'of the bootstrap', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--promote', 'put it into production at once')
    .option('--why <words>', 'the reason, for the record', 'from the command line')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action((asked: Wish, options: Options) => run(terminal, asked, options))
}

const EXAMPLES = `
The new version lands in \`staging\`, with the version it was made of and the measured change in its card.

Examples:
  $ barometer quantize mood@3 --rows test.csv
  $ barometer quantize mood --rows reviews.jsonl.gz --name mood-int8 --promote`

async function run(terminal: Terminal, asked: Wish, options: Options): Promise<void> {
  const config = configOf(terminal, options)
  const signal = terminal.stopSignal()
  const progress = startProgress(terminal, 'Quantising')
  const opener = modelOpener()
  try {
    await using base = await loadVersion(config, asked, '')
    const { rows } = await readDataset(options.rows, {
      columns: { text: options.textColumn, label: options.labelColumn },
      header: options.header,
      encoding: options.encoding,
      signal,
      onProgress: (now) => progress.update(null, `${counted(now.rows, 'row')} read`),
    })
    const { artifact, change } = await quantizeVersion(
      {
        artifact: base.artifact,
        title: base.title,
        model: options.name ?? base.manifest.model,
        rows,
        rowsName: basename(options.rows),
        embeddings: options.embeddings,
        threads: options.threads,
        seed: options.seed,
        engine,
        createdAt: new Date(terminal.now()).toISOString(),
      },
      { signal, onProgress: (...step) => tell(progress, ...step) },
    )
    const { who, why } = { who: whoRuns(), why: options.why }
    const { version, events } = await withStore(config, async (store) => {
      const needs = { store, modelsFolder: modelsFolder(config), open: opener.open, now: terminal.now }
      const version = await register(artifact, { who, why }, needs)
      const promoteNeeds = { registry: store.registry, load: loadOnce(needs), now: terminal.now }
      const isAsked = options.promote && version.stage !== 'production'
      const events = isAsked ? [await promote(version, { who, why }, promoteNeeds)] : []
      return { version, events }
    })
    progress.end()
    terminal.print(
      options.json
        ? JSON.stringify(asJson(base, version, change))
        : described(base, version, events, change, promoteHint(version, terminal, options), terminal.colour),
    )
  } finally {
    progress.end()
    await opener.close()
  }
}

function tell(progress: Progress, step: string, done: number, total: number): void {
  if (total === 0) progress.update(null, step)
  else progress.update(done / total, `${step}: ${count(done)} texts`)
}

function described(
  { title }: LoadedVersion,
  version: Version,
  events: readonly StageEvent[],
  change: QuantizeChange,
  toServe: string,
  colour: boolean,
): string {
  const name = `${version.model}@${version.version}`
  const { rows, flips, loss, p } = change
  const metric = (which: 'before' | 'after', name: string): string => {
    const estimate = change[which].metrics[name]
    return estimate ? `${estimate.value.toFixed(4)} (${estimate.low.toFixed(4)}–${estimate.high.toFixed(4)})` : ''
  }
  const isLive = events.some(({ to, version: number }) => to === 'production' && number === version.version)
  return [
    table(
      [`on ${counted(rows, 'row')}`, title, name],
      [
        ['accuracy (95 %)', metric('before', 'accuracy'), metric('after', 'accuracy')],
        ['log loss (95 %)', metric('before', 'logLoss'), metric('after', 'logLoss')],
        ['model.onnx', bytes(change.bytesBefore), bytes(change.bytesAfter)],
      ],
      colour,
    ),
    '',
    `${counted(flips, 'row')} (${percent(flips / rows)}) ${flips === 1 ? 'is' : 'are'} answered with another label; a probability moves by ${change.meanChange.toFixed(4)} on average, by ${change.maxChange.toFixed(4)} at most.`,
    `Accuracy lost: ${percent(loss.loss)} (95 %: ${percent(loss.low)} to ${percent(loss.high)}; exact McNemar p = ${p.toPrecision(2)}).`,
    paint(
      colour,
      'bold',
      isLive ? `${name} is in production.` : `${name} is in ${version.stage}. To serve it: ${toServe}`,
    ),
  ].join('\n')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

function asJson({ title, digest }: LoadedVersion, version: Version, change: QuantizeChange): object {
  return {
    base: { title, digest },
    model: version.model,
    version: version.version,
    stage: version.stage,
    digest: version.digest,
    rows: change.rows,
    flips: change.flips,
    mean_change: change.meanChange,
    max_change: change.maxChange,
    accuracy_loss: change.loss,
    p: change.p,
    bytes: { before: change.bytesBefore, after: change.bytesAfter },
    evaluations: [change.before, change.after],
  }
}
