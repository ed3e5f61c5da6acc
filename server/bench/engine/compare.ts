/** Two sides in turns: what each takes in each round, and the medians. */
import { median } from '../report.ts'
import { OTHER_CORES_MAX, type Side, type Turn } from './side.ts'

export interface Timed {
  readonly seconds: readonly number[]
  readonly version: string
}

export interface Round {
  readonly ours: Turn<Timed>
  readonly theirs: Turn<Timed>
}

/** One side over the rounds: milliseconds a step (or run), medians of the rounds' medians. */
export interface SideResult {
  readonly ms: number
  readonly bestMs: number
  readonly cpuMs: number
  readonly peakMb: number
  readonly version: string
}

export interface Compared {
  readonly ours: SideResult
  readonly theirs: SideResult
  /** Ours over theirs, round by round: the median and the worst. Below 1 we are faster. */
  readonly ratio: number
  readonly worstRatio: number
  readonly cpuRatio: number
  /** Rounds that count: those without interference, or all where there was none. */
  readonly rounds: number
  readonly disturbed: boolean
}

/** @param warm what each side is asked first, and not timed */
export async function alternate<Asked>(
  ours: Side<Asked, Timed>,
  theirs: Side<Asked, Timed>,
  asked: Asked,
  rounds: number,
  warm: Asked,
): Promise<Compared> {
  await ours.ask(warm)
  await theirs.ask(warm)
  const all: Round[] = []
  // Who comes first changes, so that neither always follows the other's heat.
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const our = await ours.ask(asked)
      all.push({ ours: our, theirs: await theirs.ask(asked) })
    } else {
      const their = await theirs.ask(asked)
      all.push({ ours: await ours.ask(asked), theirs: their })
    }
  }
  return compare(all)
}

export function compare(all: readonly Round[]): Compared {
  const calm = all.filter(({ ours, theirs }) => Math.max(ours.otherCores, theirs.otherCores) <= OTHER_CORES_MAX)
  const counted = calm.length > 0 ? calm : all
  const ratios = counted.map(({ ours, theirs }) => median(ours.answer.seconds) / median(theirs.answer.seconds))
  const [ours, theirs] = [sideOf(counted.map(({ ours }) => ours)), sideOf(counted.map(({ theirs }) => theirs))]
  return {
    ours,
    theirs,
    ratio: median(ratios),
    worstRatio: Math.max(...ratios),
    cpuRatio: ours.cpuMs / theirs.cpuMs,
    rounds: counted.length,
    disturbed: calm.length === 0,
  }
}

function sideOf(turns: readonly Turn<Timed>[]): SideResult {
  return {
    ms: 1000 * median(turns.map(({ answer }) => median(answer.seconds))),
    bestMs: 1000 * Math.min(...turns.flatMap(({ answer }) => answer.seconds)),
    cpuMs: 1000 * median(turns.map(({ answer, cpuSeconds }) => cpuSeconds / answer.seconds.length)),
    peakMb: Math.max(...turns.map(({ peakMb }) => peakMb)),
    version: turns[0].answer.version,
  }
}
