/** From the turns of a run to what a person reads: medians, and ratios within each round. */
import type { Turn } from './serving.ts'
import type { TextKind } from './texts.ts'

/** One server at one point, over all rounds. */
export interface Point {
  readonly what: 'point'
  readonly name: string
  readonly kind: TextKind
  readonly connections: number
  /** Of the medians: turns without interference, or all where there is none. */
  readonly turns: number
  readonly disturbed: boolean
  /** Medians over the turns. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly serverCpuMs: number
  readonly rssMb: number
  readonly otherCores: number
  /** Over all turns. */
  readonly requests: number
  readonly failed: number
  /** Requests a second of Barometer over this server's, round by round; null for Barometer itself. */
  readonly timesFaster: { readonly median: number; readonly least: number } | null
}

export function points(turns: readonly Turn[]): Point[] {
  const byPoint = Map.groupBy(turns, ({ kind, connections, name }) => `${kind} ${connections} ${name}`)
  const best = (of: readonly Turn[]) => {
    const calm = of.filter(({ disturbed }) => !disturbed)
    return calm.length > 0 ? calm : of
  }
  return [...byPoint.values()].map((all) => {
    const of = best(all)
    const [{ name, kind, connections, disturbed }] = of
    const over = (pick: (turn: Turn) => number) => median(of.map(pick))
    const ours = best(byPoint.get(`${kind} ${connections} barometer`) ?? [])
    const ratios = of.flatMap((turn) => {
      const same = ours.find(({ round }) => round === turn.round)
      return same === undefined ? [] : [same.perSecond / turn.perSecond]
    })
    return {
      what: 'point',
      name,
      kind,
      connections,
      turns: of.length,
      disturbed,
      perSecond: over((turn) => turn.perSecond),
      p50Ms: over((turn) => turn.p50Ms),
      p95Ms: over((turn) => turn.p95Ms),
      p99Ms: over((turn) => turn.p99Ms),
      serverCpuMs: over((turn) => turn.serverCpuMs),
      rssMb: over((turn) => turn.rssMb),
      otherCores: over((turn) => turn.otherCores),
      requests: all.reduce((sum, turn) => sum + turn.requests, 0),
      failed: all.reduce((sum, turn) => sum + turn.refused + turn.errors, 0),
      timesFaster:
        name === 'barometer' || ratios.length === 0 ? null : { median: median(ratios), least: Math.min(...ratios) },
    }
  })
}

/** The middle one, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
}

export function pointsTable(of: readonly Point[]): string {
  return table(
    [
      'texts',
      'conns',
      'server',
      'req/s',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'CPU ms/req',
      'RSS MB',
      'failed',
      'others',
      '× faster (least)',
    ],
    of.map((point) => [
      point.kind,
      String(point.connections),
      point.name,
      Math.round(point.perSecond).toLocaleString('en'),
      point.p50Ms.toFixed(2),
      point.p95Ms.toFixed(2),
      point.p99Ms.toFixed(2),
      point.serverCpuMs.toFixed(3),
      point.rssMb.toFixed(0),
      String(point.failed),
      point.otherCores.toFixed(2),
      point.timesFaster === null
        ? ''
        : `${point.timesFaster.median.toFixed(2)} (${point.timesFaster.least.toFixed(2)})`,
    ]),
  )
}

/** Columns as wide as they need; words to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i].length)))
  const numeric = head.map((_, i) => rows.every((row) => /^[\d.,–]*( \([\d.,]*\))?$/.test(row[i])))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}
