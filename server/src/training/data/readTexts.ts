/** The labelled rows of a job, read once, with what was found in each file. */
import { createHash } from 'node:crypto'
import type { TrainingFile } from '../../domain/trainingRun.ts'
import type { DataSource } from '../../domain/version.ts'
import type { LabelledText } from '../../evaluation/measure.ts'
import { type ReadReport, readDataset } from '../../ingest/files/readRows.ts'
import { seededRandom } from '../../math/random.ts'
import type { Job, ReadBody } from '../jobs/messages.ts'

export interface Texts {
  readonly rows: readonly LabelledText[]
  /** Texts whose labels no person gave. */
  readonly unlabelled: readonly string[]
  /** sha256 of the file; of the files' hashes, line by line, where there are several. */
  readonly sha256: string
  readonly sources: readonly DataSource[]
  readonly test: { readonly name: string; readonly rows: readonly LabelledText[] } | null
}

export const noTexts: Texts = { rows: [], unlabelled: [], sha256: '', sources: [], test: null }

interface Needs {
  readonly progress: (share: number | null, words: string) => void
  readonly found: (read: ReadBody) => void
  readonly signal: AbortSignal
}

export async function readTexts({ asked, files }: Job, needs: Needs): Promise<Texts> {
  const rows: LabelledText[] = []
  const unlabelled: string[] = []
  const hashes: string[] = []
  const sources: DataSource[] = []
  for (const file of files) {
    const read = await readFile({ ...file, unlabelled: !file.labelled }, file.name, needs)
    if (file.labelled) for (const row of read.rows) rows.push(row)
    else for (const { text } of read.rows) unlabelled.push(text)
    hashes.push(read.report.sha256)
    sources.push({
      name: file.name,
      rows: read.report.rows,
      ...(asked.terms === undefined ? {} : { terms: asked.terms }),
    })
  }
  const samples = asked.parameters['samples']
  const some = <T>(all: readonly T[]) => (typeof samples === 'number' ? sample(all, samples, asked.seed) : all)
  const test = asked.test === null ? null : await readFile(asked.test, nameOf(asked.test.path), needs)
  return {
    rows: some(rows),
    unlabelled: some(unlabelled),
    sha256: hashes.length === 1 ? hashes[0] : createHash('sha256').update(hashes.join('\n')).digest('hex'),
    sources,
    test: test === null ? null : { name: test.report.name, rows: test.rows },
  }
}

async function readFile(
  file: TrainingFile,
  name: string,
  { progress, found, signal }: Needs,
): Promise<{ rows: readonly LabelledText[]; report: ReadBody }> {
  const { rows, report } = await readDataset(file.path, {
    columns: { text: file.textColumn, label: file.labelColumn },
    header: file.header ?? true,
    format: file.format,
    encoding: file.encoding,
    unlabelled: file.unlabelled ?? false,
    signal,
    onProgress: (now) =>
      progress(
        now.bytesTotal === null || now.bytesTotal === 0 ? null : Math.min(1, now.bytes / now.bytesTotal),
        `reading ${name}: ${now.rows} rows`,
      ),
  })
  const body = bodyOf(report, name)
  found(body)
  return { rows, report: body }
}

function bodyOf(report: ReadReport, name: string): ReadBody {
  const { rows, columns, columnsGuessed, labels, duplicates, contradictions, bad, badShown, blank, notes, sha256 } =
    report
  return {
    name,
    rows,
    textColumn: columns.text,
    labelColumn: columns.label,
    columnsGuessed,
    labels: [...labels],
    duplicates,
    contradictions,
    bad,
    blank,
    notes: [...notes],
    badShown: badShown.map(({ line, reason }) => ({ line, reason })),
    sha256,
  }
}

export function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

/** So many of the rows, each with the same chance, in their order. The same seed takes the same. */
export function sample<T>(rows: readonly T[], count: number, seed: number): readonly T[] {
  if (count >= rows.length) return rows
  const random = seededRandom(seed)
  const taken: T[] = []
  // Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S): one pass, exactly `count` rows.
  for (const [i, row] of rows.entries()) {
    if (random() * (rows.length - i) < count - taken.length) taken.push(row)
  }
  return taken
}
