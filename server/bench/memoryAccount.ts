/** Where a process's resident memory is: every mapping of /proc/PID/smaps under one heading, so that the sum is exact. */
import { readFileSync } from 'node:fs'

export const headings = {
  program: 'the program: Node and the libraries of the system',
  runtime: 'ONNX Runtime',
  scripts: "V8's heaps: code and objects, of the main thread and of the store's threads",
  compiled: 'machine code that V8 has made',
  blocks: 'large blocks: the weights of the models, the stacks of threads',
  malloc: "small blocks of malloc: SQLite's pages, sockets, buffers, parsers",
} as const

export type Heading = keyof typeof headings

/** V8 takes its heap in aligned pages of 256 KiB. */
const V8_PAGE = 0x40000n

/** Megabytes (10⁶ bytes) of resident memory under each heading. Linux only. */
export function memoryAccount(pid: number): Readonly<Record<Heading, number>> {
  const bytes: Record<Heading, number> = { program: 0, runtime: 0, scripts: 0, compiled: 0, blocks: 0, malloc: 0 }
  let heading: Heading = 'blocks'
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+\s*(.*)$/.exec(line)
    if (mapping !== null) {
      const [, from, to, rights, name] = mapping
      heading = headingOf(BigInt(`0x${from}`), BigInt(`0x${to}`), rights, name)
      continue
    }
    const resident = /^Rss:\s+(\d+) kB/.exec(line)
    if (resident !== null) bytes[heading] += Number(resident[1]) * 1024
  }
  // The keys are the headings'.
  return Object.fromEntries(Object.entries(bytes).map(([key, sum]) => [key, sum / 1e6])) as Record<Heading, number>
}

function headingOf(from: bigint, to: bigint, rights: string, name: string): Heading {
  if (name === '[heap]') return 'malloc'
  if (name.includes('onnxruntime')) return 'runtime'
  if (name.startsWith('/') || name.startsWith('[v')) return 'program'
  if (rights.includes('x')) return 'compiled'
  return from % V8_PAGE === 0n && (to - from) % V8_PAGE === 0n ? 'scripts' : 'blocks'
}
