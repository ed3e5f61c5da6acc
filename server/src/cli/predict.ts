import { availableParallelism } from 'node:os'
import type { ExplainAnswer, PredictAnswer } from '@barometer/wire'
import { Command, InvalidArgumentError, Option } from 'commander'
import { Fault } from '../domain/faults.ts'
import { isUnknown } from '../domain/prediction.ts'
import type { Format } from '../ingest/files/layout.ts'
import { longRow } from '../ingest/files/readRows.ts'
import { predictExplained } from '../loop/explain.ts'
import { noTurns } from '../loop/explanationTurns.ts'
import { keepsNothing } from '../loop/log.ts'
import { type Predicted, predict as predictText } from '../loop/predict.ts'
import type { Explanation } from '../models/textModel.ts'
import { type OpenBatch, openBatch } from '../serving/batch/openBatch.ts'
import { outputHeader } from '../serving/batch/output.ts'
import { type BatchPlan, type BatchTotals, type OutputFormat, REFUSED_SHOWN } from '../serving/batch/plan.ts'
import { scoreBatch } from '../serving/batch/scoreBatch.ts'
import { exits, UsageError } from './failure.ts'
import { ENCODING_OPTION, formatOption, HEADER_OPTION } from './fileOptions.ts'
import { configOf, HOME_OPTION, type HomeOptions } from './home.ts'
import { list, modelName, wholeNumber } from './options.ts'
import { type Progress, startProgress } from './progress.ts'
import { askJson, KEY_HELP, type Remote, type RemoteOptions, remoteOf, URL_HELP } from './remote.ts'
import { scoreRemotely } from './scoreRemotely.ts'
import { bytes, type Colour, count, counted, paint, percent } from './style.ts'
import type { Terminal } from './terminal.ts'
import { loadVersion, WISH_HELP, type Wish, wish } from './versions.ts'

interface Options extends HomeOptions, RemoteOptions {
  readonly task: string
  readonly model?: Wish
  readonly explain?: boolean
  readonly json?: boolean
  readonly file?: string
  readonly textColumn?: string
  readonly format?: Format
  readonly encoding?: string
  readonly header: boolean
  readonly keep: readonly string[]
  readonly output?: OutputFormat
  readonly probabilities?: boolean
  readonly threads?: number
}

/** `barometer predict`: texts from the command line or a file, scored here or by a server. */
export function predict(terminal: Terminal): Command {
  return new Command('predict')
    .argument('[texts...]', 'what to score; without texts and --file, one text a line from standard input')
    .option('--task <name>', 'what is asked of them', modelName, 'sentiment')
    .option('--model <which>', `score here with ${WISH_HELP}`, wish)
    .option('--explain', 'say which words speak for the label and which against it')
    .option('--json', 'as JSON, one object a text')
    .option(
      '--file <path>',
      'score a whole file (.csv .tsv .jsonl .txt .parquet, also .gz and .zst); - for standard input',
    )
    .option('--text-column <name>', 'the column or key that holds the text (default: the one that is called so)')
    .addOption(formatOption())
    .option(...ENCODING_OPTION)
    .option(...HEADER_OPTION)
    .addOption(
      new Option('--keep <columns>', 'copy these columns to the output, separated by commas')
        .argParser(list)
        .default([], 'none'),
    )
    .addOption(
      new Option('--output <format>', 'of the scores of a file (default: csv, with --json ndjson)').choices([
        'csv',
        'ndjson',
      ]),
    )
    .option('--probabilities', 'of a file: the probability of each label, too')
    .option('--threads <n>', 'that score a file (default: one a core)', wholeNumber(1, 64))
    .option('--url <address>', `through a server, which logs the predictions: ${URL_HELP}`, address)
    .option('--key <key>', KEY_HELP)
    .option(...HOME_OPTION)
    .addHelpText('after', EXAMPLES)
    .action(async (texts: readonly string[], options: Options) => {
      checkTogether(texts, options, terminal)
      const remote = options.url === undefined ? null : remoteOf(terminal, options)
      const file = options.file ?? (texts.length === 0 ? '-' : undefined)
      if (file !== undefined) await predictFile(terminal, file, options, remote)
      else if (remote === null) await predictHere(terminal, texts, options)
      else await predictThere(terminal, texts, options, remote)
    })
}

const EXAMPLES = `
Lines from standard input are answered with their text: in words on a terminal, as CSV elsewhere. Rows of a file are
answered by their line; --keep adds columns (of plain text: --keep text).

In CSV a row that cannot be scored has a code under \`error\`; with --json it has the message, too. docs/guide/faults.md
lists the codes.

Without --url the texts are scored in this process and logged nowhere. Exit code 1 when a row could not be scored.

Examples:
  $ barometer predict "not bad at all" "meh"
  $ barometer predict --explain "The battery died after two days, but support was lovely"
  $ barometer predict --file reviews.csv --text-column review --keep id > scored.csv
  $ tail -n 500 /var/log/syslog | barometer predict --task severity --json
  $ barometer predict --url http://localhost:8000 --key bk_… --file tickets.jsonl`

function checkTogether(texts: readonly string[], options: Options, terminal: Terminal): void {
  if (texts.length > 0 && options.file !== undefined) throw new UsageError('Give texts or --file, not both.')
  if (texts.length === 0 && options.file === undefined && terminal.asks)
    throw new UsageError('Nothing to score. Give a text in quotes, or --file; --help shows examples.')
  if (texts.length === 0 && options.explain)
    throw new UsageError('--explain goes with texts on the command line, not with a file.')
  if (options.model !== undefined && options.url !== undefined)
    throw new UsageError(
      '--model scores here and --url through a server, which chooses the version itself. Give one of them.',
    )
}

interface Answer {
  readonly text: string
  readonly task: string
  readonly label: string
  readonly confidence: number
  readonly probabilities: Readonly<Record<string, number>>
  readonly model: string
  readonly version: number | null
  /** The model knows none of the text's words. */
  readonly unknown?: boolean
  /** Where a server answered: the id in its log. */
  readonly id?: string
  readonly explanation?: Explained
}

interface Explained {
  readonly labels: readonly string[]
  readonly spans: readonly { readonly start: number; readonly end: number; readonly contributions: readonly number[] }[]
}

async function predictHere(terminal: Terminal, texts: readonly string[], options: Options): Promise<void> {
  const config = configOf(terminal, options)
  await using version = await loadVersion(config, options.model ?? null, options.task)
  const { live } = version
  const caller = { keyId: null, options: { deadlineMs: config.scoringSecondsMax * 1000 } }
  const needs = { limits: config, log: keepsNothing, nowMs: () => performance.now(), turns: noTurns }
  for (const text of texts) {
    const signal = { text, source: null, callerId: null }
    const predicted: Predicted & { readonly explanation?: Explanation } = options.explain
      ? await predictExplained(signal, caller, live, needs)
      : await predictText(signal, caller, live, needs, (one) => one)
    const { row, labels, explanation } = predicted
    const answer: Answer = {
      text,
      task: row.task,
      label: row.label,
      confidence: row.confidence,
      probabilities: Object.fromEntries(labels.map((label, i) => [label, row.probabilities[i]])),
      model: row.model,
      version: version.version,
      ...(isUnknown(row) ? { unknown: true } : {}),
      ...(explanation === undefined ? {} : { explanation: { labels, ...explanation } }),
    }
    show(terminal, answer, options)
  }
}

async function predictThere(
  terminal: Terminal,
  texts: readonly string[],
  options: Options,
  remote: Remote,
): Promise<void> {
  const signal = terminal.stopSignal()
  for (const text of texts) {
    const body = { text, task: options.task, return_probabilities: true, ...(options.explain ? { explain: true } : {}) }
    const answer = await askJson<PredictAnswer & Partial<Pick<ExplainAnswer, 'explanation'>>>(remote, '/predict', {
      body,
      signal,
    })
    show(terminal, { ...answer, text, probabilities: answer.probabilities ?? {} }, options)
  }
}

function show(terminal: Terminal, answer: Answer, options: Options): void {
  terminal.print(options.json ? JSON.stringify(answer) : described(answer, terminal.colour))
}

function described(answer: Answer, colour: boolean): string {
  const others = Object.entries(answer.probabilities)
    .filter(([label]) => label !== answer.label)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 4)
    .map(([label, p]) => `${label} ${percent(p)}`)
  const label = answer.unknown ? `no known words, so ${answer.label}` : paint(colour, 'bold', answer.label)
  const verdict = `${label} ${percent(answer.confidence)}`
  const head = `${verdict}  ${paint(colour, 'gray', `(${others.join(', ')})`)}  ${oneLine(answer.text)}`
  return answer.explanation === undefined ? head : `${head}\n${explained(answer, answer.explanation, colour)}`
}

/** Words listed at most; the rest adds up to little. */
const WORDS_SHOWN = 8

/** The text with its stretches coloured, and the strongest of them with what they add to the logit of the label. */
function explained({ text, label }: Answer, { labels, spans }: Explained, colour: boolean): string {
  const k = labels.indexOf(label)
  const strongest = spans
    .map((span) => ({ ...span, adds: span.contributions[k] }))
    .sort((a, b) => Math.abs(b.adds) - Math.abs(a.adds))
  const listed = strongest.slice(0, WORDS_SHOWN).map(({ start, end, adds }) => {
    const figure = `${adds >= 0 ? '+' : '−'}${Math.abs(adds).toFixed(2)}`
    return `  ${paint(colour, tone(adds), figure.padStart(6))}  ${adds >= 0 ? 'for' : 'against'}  ${oneLine(text.slice(start, end))}`
  })
  if (!colour) return listed.join('\n')
  let painted = ''
  let at = 0
  for (const { start, end, contributions } of spans) {
    painted +=
      text.slice(at, start) + paint(Math.abs(contributions[k]) > 0.05, tone(contributions[k]), text.slice(start, end))
    at = end
  }
  return [`  ${oneLine(painted + text.slice(at))}`, ...listed].join('\n')
}

function tone(adds: number): Colour {
  return adds >= 0 ? 'green' : 'red'
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ')
}

async function predictFile(terminal: Terminal, path: string, options: Options, remote: Remote | null): Promise<void> {
  const output = options.output ?? (options.json ? 'ndjson' : 'csv')
  const input = await openBatch({
    path,
    stdin: terminal.stdin,
    format: options.format ?? null,
    encoding: options.encoding ?? null,
    header: options.header,
    text: options.textColumn ?? null,
    keep: options.keep,
    // Whoever pipes lines in wants to see which is which; a file is there to be looked at.
    keepsText: options.file === undefined,
  })
  const isShown = isForPerson(terminal, options)
  const wanted = isShown
    ? ({ output: 'ndjson', probabilities: true } as const)
    : { output, probabilities: options.probabilities === true }
  const write = isShown ? rowPrinter(terminal, input.input.text, options.task) : terminal.write
  const progress = startProgress(terminal, 'Scoring')
  const began = performance.now()
  try {
    for (const note of input.notes) progress.end(`${path}: ${note}`)
    const work = remote === null ? batchHere : batchThere
    const totals = await work(terminal, { input, wanted, write, options, remote }, (now) => {
      // A bar would be drawn over the answers.
      if (!isShown) showTotals(progress, input, now, began)
    })
    progress.end(closing(totals, performance.now() - began))
    if (totals.faults > 0) terminal.setExitCode(exits.failed)
  } catch (error) {
    progress.end()
    throw error
  }
}

/** Lines that are piped in, and whose answers a person looks at: answered as texts on the command line are. */
function isForPerson({ shows }: Terminal, { file, json, output, keep, probabilities }: Options): boolean {
  return shows && file === undefined && !json && output === undefined && keep.length === 0 && !probabilities
}

/** Takes rows as lines of NDJSON and prints them in words. */
function rowPrinter(terminal: Terminal, column: string, task: string): Terminal['write'] {
  return (bytes) => {
    const whole =
      typeof bytes === 'string' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
    const lines = whole.split('\n').filter((line) => line !== '')
    return terminal.write(lines.map((line) => `${rowWords(line, column, task, terminal.colour)}\n`).join(''))
  }
}

interface PrintedRow extends Pick<Answer, 'label' | 'confidence' | 'probabilities'> {
  readonly line: number
  readonly error?: { readonly code: string; readonly message: string }
}

function rowWords(json: string, column: string, task: string, colour: boolean): string {
  const row = JSON.parse(json) as PrintedRow & Readonly<Record<string, unknown>> // our own output, see serving/batch/output.ts
  if (row.error !== undefined)
    return `${paint(colour, 'red', 'not scored')}  line ${row.line}: ${row.error.message} (${row.error.code})`
  return described({ ...row, text: String(row[column]), task, model: '', version: null }, colour)
}

interface BatchJob {
  readonly input: OpenBatch
  readonly wanted: Pick<BatchPlan, 'output' | 'probabilities'>
  readonly write: Terminal['write']
  readonly options: Options
  readonly remote: Remote | null
}

/** From a few chunks on every thread has something to do, packed or not. */
const LONG_BYTES = 4e6

async function batchHere(
  terminal: Terminal,
  job: BatchJob,
  onProgress: (totals: BatchTotals) => void,
): Promise<BatchTotals> {
  const { input, wanted, write, options } = job
  const config = configOf(terminal, options)
  await using version = await loadVersion(config, options.model ?? null, options.task)
  const plan: BatchPlan = {
    ...input.input,
    ...wanted,
    labels: version.live.labels,
    textCharsMax: config.textCharsMax,
  }
  const threads = options.threads ?? availableParallelism()
  await write(outputHeader(plan))
  return await scoreBatch(input.chunks, plan, { artifact: version.artifact, model: version.textModel() }, write, {
    threads,
    isLong: (input.bytesTotal ?? 0) >= LONG_BYTES,
    onProgress,
    signal: terminal.stopSignal(),
  })
}

async function batchThere(
  terminal: Terminal,
  job: BatchJob,
  onProgress: (totals: BatchTotals) => void,
): Promise<BatchTotals> {
  const { input, wanted, write, options, remote } = job
  if (remote === null) throw new Fault('internal')
  const plan = { ...input.input, ...wanted, textCharsMax: configOf(terminal, options).textCharsMax }
  return scoreRemotely(input.chunks, plan, {
    remote,
    task: options.task,
    write,
    onProgress,
    signal: terminal.stopSignal(),
  })
}

function showTotals(progress: Progress, input: OpenBatch, totals: BatchTotals, began: number): void {
  const share = input.bytesTotal === null || input.bytesTotal === 0 ? null : input.bytesRead() / input.bytesTotal
  progress.update(share, `${counted(totals.rows, 'row')}, ${speed(totals, performance.now() - began)}`)
}

function closing(totals: BatchTotals, ms: number): string {
  const { blank, refused, undecodable, longest } = totals.found
  const faults = totals.faults === 0 ? '' : `, ${count(totals.faults)} could not be scored`
  const passed = blank === 0 ? '' : `, ${count(blank)} blank`
  const notes = [
    ...(longest === null ? [] : [`Note: ${longRow(longest)}`]),
    ...refused.map(({ line, reason }) => `  line ${line}: ${reason}`),
    ...(refused.length === REFUSED_SHOWN ? ['  …'] : []),
    ...(undecodable === null
      ? []
      : [
          `Line ${undecodable.line} is not valid in the file's encoding. It looks like ${undecodable.likely}: say --encoding ${undecodable.likely}.`,
        ]),
  ]
  const summary = `${counted(totals.rows, 'row')}${faults}${passed}, ${bytes(totals.textBytes)} of text in ${(ms / 1000).toFixed(2)} s (${speed(totals, ms)})`
  return [...notes, summary].join('\n')
}

function speed({ textBytes }: BatchTotals, ms: number): string {
  return `${(textBytes / 1e3 / Math.max(1, ms)).toFixed(1)} MB/s`
}

function address(word: string): string {
  if (!/^https?:\/\//.test(word)) throw new InvalidArgumentError('Write it like http://localhost:8000.')
  return word
}
