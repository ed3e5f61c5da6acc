/** DistilBERT's shape answering, ours and PyTorch's in turns: one text and eight, short and long, fp32 and int8. */
import { fileURLToPath } from 'node:url'
import { alternate, type Compared, type Timed } from './compare.ts'
import { startSide } from './side.ts'

export interface Infer {
  readonly rows: number
  readonly length: number
  readonly runs: number
}

export type Inferred = Timed

export interface Inference extends Compared {
  readonly what: 'inference'
  readonly precision: 'fp32' | 'int8'
  readonly rows: number
  readonly length: number
}

const points = [
  { rows: 1, length: 32, runs: 24 },
  { rows: 1, length: 128, runs: 8 },
  { rows: 8, length: 32, runs: 6 },
  { rows: 8, length: 128, runs: 3 },
] as const

export async function inference(
  precision: 'fp32' | 'int8',
  python: string,
  rounds: number,
  onPoint: (point: Inference) => void,
): Promise<void> {
  const ours = await startSide<Infer, Inferred>('barometer', process.execPath, [path('infer.ts'), precision])
  const theirs = await startSide<Infer, Inferred>('torch', python, [path('peerInfer.py'), precision])
  try {
    for (const asked of points) {
      const compared = await alternate(ours, theirs, asked, rounds, { ...asked, runs: 2 })
      onPoint({ what: 'inference', precision, rows: asked.rows, length: asked.length, ...compared })
    }
  } finally {
    await Promise.all([ours.stop(), theirs.stop()])
  }
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
