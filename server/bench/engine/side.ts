/** One side of a bench: a process that says `ready`, and then answers each line with a line of JSON. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { busyMs, cpuMs, memoryMb } from '../linux.ts'

export interface Side<Asked, Answer> {
  readonly name: string
  ask(asked: Asked): Promise<Turn<Answer>>
  stop(): Promise<void>
}

export interface Turn<Answer> {
  readonly answer: Answer
  readonly wallSeconds: number
  /** Of the side's process with all its threads. */
  readonly cpuSeconds: number
  /** Resident memory at its highest so far. */
  readonly peakMb: number
  /** Cores that other processes took meanwhile. */
  readonly otherCores: number
}

/** A round with more steal time than this measures the other tenants of the machine. */
export const OTHER_CORES_MAX = 0.2

export async function startSide<Asked, Answer>(
  name: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Side<Asked, Answer>> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  const { pid } = child
  const next = async (): Promise<string> => {
    const line = await Promise.race([lines.next(), failed])
    if (line.done) throw new Error(`${name} ended before its answer`)
    return line.value
  }
  // What a library says on its way up is not an answer.
  while ((await next()) !== 'ready');
  if (pid === undefined) throw new Error(`${name} did not start`)
  return {
    name,
    async ask(asked) {
      const [began, cpu, busy] = [performance.now(), cpuMs(pid), busyMs()]
      child.stdin.write(`${JSON.stringify(asked)}\n`)
      const answer = JSON.parse(await next()) as Answer // the other half of this bench wrote it
      const wallSeconds = (performance.now() - began) / 1000
      const cpuSeconds = (cpuMs(pid) - cpu) / 1000
      const otherCores = Math.max(0, (busyMs() - busy) / 1000 - cpuSeconds) / wallSeconds
      return { answer, wallSeconds, cpuSeconds, peakMb: memoryMb(pid).peak, otherCores }
    },
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
