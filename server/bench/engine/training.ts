/** A step of training, ours and PyTorch's in turns: forward, loss, backward, clipping, AdamW, with dropout. */
import { fileURLToPath } from 'node:url'
import { type CaseName, cases } from './cases.ts'
import { alternate, type Compared, type Timed } from './compare.ts'
import { startSide } from './side.ts'

export interface Learn {
  readonly steps: number
}

export interface Learnt extends Timed {
  readonly firstLoss: number
  readonly lastLoss: number
}

export interface Training extends Compared {
  readonly what: 'training'
  readonly name: CaseName
  readonly shape: string
  readonly precision: Precision
}

/** Of the peer; we train in fp32. */
export type Precision = 'fp32' | 'bf16'

export async function training(
  name: CaseName,
  precision: Precision,
  python: string,
  rounds: number,
): Promise<Training> {
  const { shape, steps, peer } = cases[name]
  const ours = await startSide<Learn, Learnt>('barometer', process.execPath, [path('learn.ts'), name])
  const theirs = await startSide<Learn, Learnt>('torch', python, [path('peerLearn.py'), peer, precision])
  try {
    const compared = await alternate(ours, theirs, { steps }, rounds, { steps: Math.min(steps, 3) })
    return { what: 'training', name, shape, precision, ...compared }
  } finally {
    await Promise.all([ours.stop(), theirs.stop()])
  }
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
