/**
 * Machines that never were: seeded telemetry with the habits of real ones, for a detector that has no history yet.
 *
 * Each machine has a character, drawn once: how much it carries, its day and its week, how its noise is correlated,
 * its bursts and nightly jobs, the size of its packets, its latency and how that suffers under load. One latent load
 *
 *   ln L(t) = a·day(t) + b·weekend(t) + slow(t) + fast(t) + bursts(t)
 *
 * (slow and fast are AR(1) processes of about an hour and a minute) drives every metric, so that metrics move
 * together as they do on a machine; a fault is what breaks that. Bursts and jobs are normal here: a detector that
 * calls every peak an anomaly is wrong about them.
 */
import type { Millis } from '../../domain/time.ts'
import { normal, poisson } from '../../math/normal.ts'
import { type Random, seededRandom } from '../../math/random.ts'
import { baseMetrics, type History } from './history.ts'

/** All that a generated machine can report; rates per second, latency in ms, cpu memory and disk in percent. */
export const generatedMetrics = [...baseMetrics, 'cpu', 'memory', 'disk', 'errors'] as const
export type GeneratedMetric = (typeof generatedMetrics)[number]

export interface Generate {
  readonly node: string
  /** Of the character and of every number after it. */
  readonly seed: number
  readonly startAt: Millis
  readonly rows: number
  readonly intervalSeconds: number
  readonly metrics: readonly GeneratedMetric[]
}

const HOUR = 3600
const DAY = 24 * HOUR
const WEEK = 7 * DAY
/** Full-size Ethernet frames and bare acknowledgements bound the mean size of packets, in bytes. */
const PACKET_MIN = 54
const PACKET_MAX = 1460

interface Character {
  /** Packets a second at load 1. */
  readonly packetsIn: number
  readonly packetsOut: number
  /** Bytes a packet at load 1. */
  readonly sizeIn: number
  readonly sizeOut: number
  /** Hour of the day at which it is busiest, and how much: ln of peak over mean. */
  readonly peakHour: number
  readonly day: number
  readonly secondHarmonic: number
  readonly weekend: number
  readonly slow: number
  readonly fast: number
  readonly fastSeconds: number
  readonly ownNoise: number
  readonly burstsPerDay: number
  /** ln of a burst's usual height. */
  readonly burstHeight: number
  /** Share of a burst that goes out rather than in. */
  readonly burstOut: number
  /** A nightly job: hour, minutes, ln of its height; height 0 where there is none. */
  readonly jobHour: number
  readonly jobMinutes: number
  readonly jobHeight: number
  /** ms without load, its noise, and the share of capacity that load 1 takes. */
  readonly latency: number
  readonly latencyNoise: number
  readonly utilisation: number
  readonly cpuIdle: number
  readonly memory: number
  readonly disk: number
  readonly errorsPerHour: number
  readonly missingShare: number
}

function drawCharacter(random: Random): Character {
  const between = (low: number, high: number) => low + (high - low) * random()
  const logBetween = (low: number, high: number) => Math.exp(between(Math.log(low), Math.log(high)))
  const packetsIn = logBetween(1, 5000)
  return {
    packetsIn,
    packetsOut: packetsIn * logBetween(0.3, 3),
    sizeIn: logBetween(90, 1100),
    sizeOut: logBetween(90, 1100),
    peakHour: between(0, 24),
    day: between(0.1, 1.2),
    secondHarmonic: between(0, 0.4),
    weekend: between(-1, 0.4),
    slow: between(0.05, 0.3),
    fast: between(0.05, 0.25),
    fastSeconds: logBetween(30, 300),
    ownNoise: between(0.02, 0.08),
    burstsPerDay: logBetween(1, 20),
    burstHeight: between(0.7, 2.5),
    burstOut: random(),
    jobHour: between(0, 24),
    jobMinutes: between(10, 60),
    jobHeight: random() < 0.5 ? between(1, 3) : 0,
    latency: logBetween(0.3, 60),
    latencyNoise: between(0.04, 0.2),
    utilisation: logBetween(0.02, 0.3),
    cpuIdle: between(1, 10),
    memory: between(15, 85),
    disk: between(10, 80),
    errorsPerHour: logBetween(0.1, 20),
    missingShare: random() < 0.3 ? logBetween(0.0005, 0.01) : 0,
  }
}

export function generateHistory(asked: Generate): History {
  const { node, rows, startAt, intervalSeconds, metrics } = asked
  const random = seededRandom(asked.seed)
  const character = drawCharacter(random)
  const load = walkLoad(asked, character, random)
  const places = metrics.map((metric) => generatedMetrics.indexOf(metric))
  const all = new Float64Array(generatedMetrics.length)
  const at = new Float64Array(rows)
  const values = new Float64Array(rows * metrics.length)
  const state = { memory: 0, disk: character.disk }
  for (let row = 0; row < rows; row++) {
    // Clocks of agents are late by a little, never early.
    at[row] = startAt + row * intervalSeconds * 1000 + Math.floor(random() * 50)
    observe(load.in[row], load.out[row], intervalSeconds, character, state, random, all)
    for (const [m, place] of places.entries()) {
      const lost = character.missingShare > 0 && random() < character.missingShare
      values[row * metrics.length + m] = lost ? NaN : all[place]
    }
  }
  return { node, metrics, at, values }
}

/** The latent load of the two directions, [rows] each, as factors. */
function walkLoad(asked: Generate, of: Character, random: Random): { in: Float64Array; out: Float64Array } {
  const { rows, intervalSeconds: step } = asked
  const bursts = { in: new Float64Array(rows), out: new Float64Array(rows) }
  const add = (from: number, count: number, height: number, out: number) => {
    // A burst climbs within two samples and falls as fast: transfers begin and end at once.
    for (let i = Math.max(0, from); i < Math.min(rows, from + count); i++) {
      const edge = Math.min(1, (i - from + 1) / 2, (from + count - i) / 2)
      bursts.in[i] = Math.max(bursts.in[i], height * edge * (1 - 0.8 * out))
      bursts.out[i] = Math.max(bursts.out[i], height * edge * (0.2 + 0.8 * out))
    }
  }
  const expected = (of.burstsPerDay * rows * step) / DAY
  for (let n = poisson(expected, random); n > 0; n--) {
    const seconds = Math.exp(Math.log(90) + random() * Math.log(15))
    const out = Math.min(1, Math.max(0, of.burstOut + 0.3 * normal(random)))
    add(Math.floor(random() * rows), Math.max(2, Math.round(seconds / step)), of.burstHeight * (0.5 + random()), out)
  }
  const start = asked.startAt / 1000
  if (of.jobHeight > 0)
    for (let day = 0; day * DAY < rows * step; day++) {
      const late = day * DAY + of.jobHour * HOUR - (start % DAY) + random() * 120
      const count = Math.round((of.jobMinutes * 60 * (0.8 + 0.4 * random())) / step)
      add(Math.round((late < 0 ? late + DAY : late) / step), count, of.jobHeight, 0.9)
    }
  const result = { in: new Float64Array(rows), out: new Float64Array(rows) }
  const slowKeep = Math.exp(-step / HOUR)
  const fastKeep = Math.exp(-step / of.fastSeconds)
  let slow = of.slow * normal(random)
  let fast = 0
  for (let row = 0; row < rows; row++) {
    slow = slowKeep * slow + Math.sqrt(1 - slowKeep ** 2) * of.slow * normal(random)
    fast = fastKeep * fast + Math.sqrt(1 - fastKeep ** 2) * of.fast * normal(random)
    const common = rhythm(start + row * step, of) + slow + fast
    result.in[row] = Math.exp(common + bursts.in[row])
    result.out[row] = Math.exp(common + bursts.out[row])
  }
  return result
}

/** ln of the load that the clock alone explains: two harmonics of the day, and the weekend with soft edges. */
function rhythm(seconds: number, of: Character): number {
  const angle = (2 * Math.PI * (seconds / HOUR - of.peakHour)) / 24
  const day = of.day * Math.cos(angle) + of.secondHarmonic * Math.cos(2 * angle + of.peakHour)
  // 1970-01-01 was a Thursday: the middle of the weekend, Sunday 0:00, is three days later.
  const fromSunday = Math.abs(((seconds - 3 * DAY + WEEK / 2) % WEEK) - WEEK / 2) / HOUR
  return day + of.weekend / (1 + Math.exp((fromSunday - 24) / 1.5))
}

/** What the machine reports at a load; counts are Poisson, so that quiet machines are coarse as real ones are. */
function observe(
  loadIn: number,
  loadOut: number,
  seconds: number,
  of: Character,
  state: { memory: number; disk: number },
  random: Random,
  out: Float64Array,
): void {
  const noise = (scale: number) => Math.exp(scale * normal(random))
  const packetsIn = poisson(of.packetsIn * loadIn * noise(of.ownNoise) * seconds, random)
  const packetsOut = poisson(of.packetsOut * loadOut * noise(of.ownNoise) * seconds, random)
  // The busier, the fuller the packets.
  const size = (base: number, load: number) =>
    Math.min(PACKET_MAX, Math.max(PACKET_MIN, base * load ** 0.15 * noise(of.ownNoise)))
  const utilisation = 1 - Math.exp(-of.utilisation * 0.5 * (loadIn + loadOut))
  const waits = 1 + utilisation / (1.05 - utilisation)
  const jitter = random() < 0.0004 ? 1.5 + 1.5 * random() : 1
  state.memory = 0.999 * state.memory + 0.15 * normal(random)
  state.disk = state.disk > 92 ? state.disk - 25 : state.disk + 2e-6 * seconds * loadIn
  out[0] = Math.round((packetsIn * size(of.sizeIn, loadIn)) / seconds)
  out[1] = Math.round((packetsOut * size(of.sizeOut, loadOut)) / seconds)
  out[2] = packetsIn / seconds
  out[3] = packetsOut / seconds
  out[4] = of.latency * waits * noise(of.latencyNoise) * jitter
  out[5] = Math.min(100, of.cpuIdle * noise(0.2) + 85 * utilisation * noise(of.ownNoise))
  out[6] = Math.min(99, Math.max(1, of.memory + state.memory + 8 * utilisation))
  out[7] = Math.round(state.disk * 100) / 100
  out[8] = poisson((of.errorsPerHour / HOUR) * (0.5 + utilisation) * seconds, random) / seconds
}
