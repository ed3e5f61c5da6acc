/**
 * Where a server's time goes: a CPU profile of every thread under load, self time by what the code is for.
 *
 * The profiles are V8's own (node --cpu-prof), cut to the time of the load, so that the start-up does not count.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { barometer } from './barometer.ts'
import { table } from './report.ts'
import { idle, start } from './subject.ts'
import { stretch } from './wrk.ts'

const WARM_UP_SECONDS = 3
const SAMPLE_US = 200

/** Loads a fresh server and samples where its threads spend their time. */
export async function profile(
  root: string,
  texts: readonly string[],
  connections: number,
  seconds: number,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
  try {
    const bodies = join(folder, 'bodies.jsonl')
    writeFileSync(bodies, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''))
    const flags = ['--cpu-prof', `--cpu-prof-interval=${SAMPLE_US}`, `--cpu-prof-dir=${join(folder, 'profiles')}`]
    const server = await start(barometer(root, join(folder, 'home'), flags))
    await stretch(server, bodies, connections, WARM_UP_SECONDS)
    await idle(server)
    const fromUs = monotonicUs()
    const loaded = await stretch(server, bodies, connections, seconds)
    const toUs = monotonicUs()
    await server.stop()
    const threads = readProfiles(join(folder, 'profiles'), fromUs, toUs)
    const head =
      `${Math.round(loaded.perSecond)} requests a second under the profiler at ${connections} connections, ` +
      `${(loaded.serverCpuMs * 1000).toFixed(0)} µs of CPU a request over all threads`
    return [head, ...threads.map((thread, i) => described(thread, i, loaded.perSecond))].join('\n\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function described({ shares, top }: ThreadProfile, i: number, perSecond: number): string {
  const us = (share: number) => ((share * 1e6) / perSecond).toFixed(1)
  return [
    `Thread ${i}${i === 0 ? ' (HTTP, scoring)' : ''}, self time:`,
    table(
      ['group', '% of the time', 'µs a request'],
      shares.filter(({ share }) => share > 0).map(({ group, share }) => [group, percent(share), us(share)]),
    ),
    '',
    table(
      ['function', '% of the time', 'µs a request'],
      top.map(({ frame, share }) => [frame, percent(share), us(share)]),
    ),
  ].join('\n')
}

function percent(share: number): string {
  return (share * 100).toFixed(1)
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** As V8 writes it: times in microseconds on the monotonic clock. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Every group of the code, by the first rule that fits; the order decides. */
const groups: readonly (readonly [name: string, fits: (frame: string, url: string) => boolean])[] = [
  ['idle', (frame) => frame === '(idle)'],
  ['garbage collection', (frame) => frame === '(garbage collector)'],
  ['native code and system calls', (frame) => frame === '(program)'],
  ['scoring', (_, url) => /server\/src\/(models|math)\//.test(url)],
  [
    'journal, main side',
    (_, url) => /server\/src\/store\//.test(url) || /internal\/(worker|per_context\/messageport)/.test(url),
  ],
  ['metrics, feed, drift window', (_, url) => /server\/src\/(metrics|loop\/(feed|observe))|prom-client/.test(url)],
  ['routes, ids, redaction', (_, url) => /server\/src\//.test(url)],
  [
    'JSON and validation',
    (frame, url) =>
      /ajv|fast-json-stringify|secure-json-parse|typebox/.test(url) ||
      (url === '' && /^(parse|stringify)$/.test(frame)),
  ],
  [
    'Fastify',
    (_, url) =>
      /node_modules\/(fastify|@fastify|find-my-way|avvio|light-my-request|reusify|fastq)\//.test(url) || url === '',
  ],
  [
    'HTTP, sockets, streams',
    (_, url) =>
      /node:(_http|internal\/(http|streams|stream_base|net|timers|process|async_hooks|event_target|buffer)|net|events|stream|buffer|timers|diagnostics)/.test(
        url,
      ),
  ],
  ['anything else', () => true],
]

interface ThreadProfile {
  /** Self time of each group as a share of the time under load; `idle` too. */
  readonly shares: readonly { readonly group: string; readonly share: number }[]
  /** The functions with the most self time. */
  readonly top: readonly { readonly frame: string; readonly share: number }[]
}

const TOP = 15

/** @param fromUs, toUs  the time of the load on the monotonic clock, in microseconds */
function readProfiles(folder: string, fromUs: number, toUs: number): ThreadProfile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .map((name) => {
      const profile: CpuProfile = JSON.parse(readFileSync(join(folder, name), 'utf8'))
      return threadProfile(profile, fromUs, toUs)
    })
}

function threadProfile(profile: CpuProfile, fromUs: number, toUs: number): ThreadProfile {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const byGroup = new Map<string, number>()
  const byFrame = new Map<string, number>()
  let total = 0
  let at = profile.startTime
  for (const [i, id] of profile.samples.entries()) {
    at += profile.timeDeltas[i]
    const frame = frames.get(id)
    if (at < fromUs || at > toUs || frame === undefined) continue
    // The delta of the next sample is the time that this one stands for.
    const us = profile.timeDeltas[i + 1] ?? 0
    total += us
    const group = groups.find(([, fits]) => fits(frame.functionName, frame.url))?.[0] ?? 'anything else'
    byGroup.set(group, (byGroup.get(group) ?? 0) + us)
    const name = `${frame.functionName || '(anonymous)'} ${frame.url.replace(/^.*\/(node_modules|server)\//, '')}:${frame.lineNumber + 1}`
    byFrame.set(name, (byFrame.get(name) ?? 0) + us)
  }
  const share = (us: number) => us / Math.max(1, total)
  return {
    shares: groups.map(([group]) => ({ group, share: share(byGroup.get(group) ?? 0) })),
    top: [...byFrame]
      .sort((a, b) => b[1] - a[1])
      .slice(0, TOP)
      .map(([frame, us]) => ({ frame, share: share(us) })),
  }
}
