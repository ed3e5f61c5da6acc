import { basename } from 'node:path'
import { Command } from 'commander'
import { type Measured, measure } from '../evaluation/measure.ts'
import type { Format } from '../ingest/files/layout.ts'
import { type ReadReport, readDataset } from '../ingest/files/readRows.ts'
import { ENCODING_OPTION, formatOption, HEADER_OPTION } from './fileOptions.ts'
import { configOf, HOME_OPTION, type HomeOptions } from './home.ts'
import { evaluationTable } from './models.ts'
import { wholeNumber } from './options.ts'
import { startProgress } from './progress.ts'
import { count, counted, table } from './style.ts'
import type { Terminal } from './terminal.ts'
import { type LoadedVersion, loadVersion, WISH_HELP, type Wish, wish } from './versions.ts'

interface Options extends HomeOptions {
  readonly data: string
  readonly model: Wish
  readonly textColumn?: string
  readonly labelColumn?: string
  readonly header: boolean
  readonly format?: Format
  readonly encoding?: string
  readonly presentOnly?: boolean
  readonly seed: number
  readonly json?: boolean
}

/** `barometer evaluate`: a version on labelled rows that it was not trained on. */
export function evaluate(terminal: Terminal): Command {
  return new Command('evaluate')
    .requiredOption('--data <path>', 'labelled rows: .csv .tsv .jsonl .parquet, also .gz and .zst')
    .requiredOption('--model <which>', WISH_HELP, wish)
    .option('--text-column <name>', 'where the text is (default: where there is no doubt)')
    .option('--label-column <name>', 'where the label is (default: where there is no doubt)')
    .option(...HEADER_OPTION)
    .addOption(formatOption())
    .option(...ENCODING_OPTION)
    .option('--present-only', 'choose only among the labels that the data has (three labels on a test of two)')
    .option('--seed <n>', 'of the bootstrap', wholeNumber(0, 2 ** 31 - 1), 1)
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const signal = terminal.stopSignal()
      const progress = startProgress(terminal, 'Evaluating')
      try {
        await using version = await loadVersion(configOf(terminal, options), options.model, '')
        const { rows, report } = await readDataset(options.data, {
          columns: { text: options.textColumn, label: options.labelColumn },
          header: options.header,
          format: options.format,
          encoding: options.encoding,
          signal,
          onProgress: (now) => progress.update(null, `${counted(now.rows, 'row')} read`),
        })
        for (const note of report.notes) progress.end(`${options.data}: ${note}`)
        const measured = await measure(version.textModel(), rows, {
          name: basename(options.data),
          seed: options.seed,
          presentOnly: options.presentOnly === true,
          onProgress: (done) => progress.update(done / rows.length, counted(done, 'row')),
          signal,
        })
        progress.end()
        terminal.print(
          options.json
            ? JSON.stringify(asJson(version, measured, report))
            : described(version, measured, report, terminal.colour),
        )
      } catch (error) {
        progress.end()
        throw error
      }
    })
}

const EXAMPLES = `
Every metric has a 95 % bootstrap interval over the rows. It is not checked whether the model was trained on these rows.

Examples:
  $ barometer evaluate --data test.csv --model team@3
  $ barometer evaluate --data reviews.jsonl.gz --model ./starter/sentiment --present-only --json`

function described({ title }: LoadedVersion, measured: Measured, report: ReadReport, colour: boolean): string {
  const { evaluation, labels, unknownRows, unknownLabels } = measured
  return [
    title,
    evaluationTable(evaluation, colour),
    '',
    confusionTable(labels, evaluation.confusion ?? [], colour),
    ...(report.blank > 0 ? [`${counted(report.blank, 'blank row was', 'blank rows were')} passed over.`] : []),
    ...(report.bad > 0
      ? [
          `${counted(report.bad, 'bad row was', 'bad rows were')} left out:`,
          ...report.badShown.map(({ line, reason }) => `  line ${line}: ${reason}`),
        ]
      : []),
    ...(unknownRows > 0
      ? [
          `${counted(unknownRows, 'row was', 'rows were')} left out, because the model does not know their labels: ${unknownLabels.slice(0, 10).join(', ')}`,
        ]
      : []),
  ].join('\n')
}

/** Labels shown at most: a wider table is no table. */
const LABELS_SHOWN = 12

function confusionTable(labels: readonly string[], confusion: readonly (readonly number[])[], colour: boolean): string {
  if (labels.length > LABELS_SHOWN) return `(${labels.length} labels: the confusion is in --json)`
  const rows = confusion.map((row, i) => [labels[i], ...row.map(count)])
  return table(['actual \\ predicted', ...labels.map((label) => `${label}>`)], rows, colour)
}

function asJson({ manifest, version, digest }: LoadedVersion, measured: Measured, report: ReadReport): object {
  return {
    model: manifest.model,
    version,
    digest,
    data: {
      rows: report.rows,
      bad: report.bad,
      blank: report.blank,
      sha256: report.sha256,
      unknown_label_rows: measured.unknownRows,
    },
    labels: measured.labels,
    evaluation: measured.evaluation,
  }
}
