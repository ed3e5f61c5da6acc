/** One loaded stretch of time: wrk on one thread, on the same cores as the server. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { busyMs, ownCpuMs } from './linux.ts'
import type { Running } from './subject.ts'

export interface LoadedStretch {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Answers with a status of 400 or more. */
  readonly refused: number
  /** Connections, reads, writes that failed, and answers that took too long. */
  readonly errors: number
  /** Time of the server's processes on the CPU, per request. */
  readonly serverCpuMs: number
  readonly rssMb: number
  /** Cores that neither the server nor the bench used; above about 0.2 the stretch was disturbed. */
  readonly otherCores: number
}

const script = fileURLToPath(new URL('post.lua', import.meta.url))

/** @param bodies a file with one JSON body a line. */
export async function stretch(
  server: Running,
  bodies: string,
  connections: number,
  seconds: number,
): Promise<LoadedStretch> {
  const before = { server: server.cpuMs(), busy: busyMs(), own: ownCpuMs(), at: performance.now() }
  const load = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '60s', '-s', script]
  const printed = await wrk(load.concat(`${server.url}/predict`, '--', bodies))
  const elapsedMs = performance.now() - before.at
  const serverCpu = server.cpuMs() - before.server
  const others = busyMs() - before.busy - serverCpu - (ownCpuMs() - before.own)
  const line = /^WRK (.*)$/m.exec(printed)?.[1]
  if (line === undefined) throw new Error(`wrk said nothing of its run:\n${printed}`)
  const seen: Seen = JSON.parse(line)
  return {
    requests: seen.requests,
    perSecond: seen.requests / seen.seconds,
    p50Ms: seen.p50Ms,
    p95Ms: seen.p95Ms,
    p99Ms: seen.p99Ms,
    maxMs: seen.maxMs,
    refused: seen.refused,
    errors: seen.errors,
    serverCpuMs: serverCpu / Math.max(1, seen.requests),
    rssMb: server.memoryMb().now,
    otherCores: Math.max(0, others / elapsedMs),
  }
}

/** As post.lua prints it. */
interface Seen {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly refused: number
  readonly errors: number
}

function wrk(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (printed += part))
    child.on('error', reject)
    child.on('close', () => resolve(printed))
  })
}
