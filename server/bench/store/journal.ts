/**
 * The journal's speed on this machine: rows a second, cost on the main thread, latency of an acknowledged append.
 *
 *   node server/bench/store/journal.ts [--url postgres://…] [--seconds 5] [--home DIR]
 *
 * Closed loop: each caller awaits its commit before the next append. "blocking checkpoints" is SQLite's default
 * (every 1,000 pages, inside a commit), for comparison with ours, which run beside the writer.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openStore } from '../../src/store/openStore.ts'
import { manifest, prediction } from '../../test/contracts/storeRows.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    home: { type: 'string', default: tmpdir() },
  },
})
const seconds = Number(values.seconds)

if (values.url === undefined) console.log(syncCost(values.home))
for (const callers of [1, 64]) {
  console.log(await measure(callers, { walBytesMax: undefined }, 'checkpoints beside the writer'))
  if (values.url === undefined) {
    console.log(await measure(callers, { walBytesMax: Number.MAX_SAFE_INTEGER }, 'no checkpoints'))
    console.log(
      await measure(
        callers,
        { walBytesMax: Number.MAX_SAFE_INTEGER, autocheckpointPages: 1000 },
        'blocking checkpoints',
      ),
    )
  }
}

interface Given {
  readonly walBytesMax: number | undefined
  readonly autocheckpointPages?: number
}

async function measure(callers: number, given: Given, name: string) {
  const home = mkdtempSync(join(values.home, 'barometer-bench-'))
  const { walBytesMax, autocheckpointPages } = given
  const store = await openStore({
    url: values.url ?? null,
    home,
    now: Date.now,
    ...(walBytesMax === undefined ? {} : { walBytesMax }),
    ...(autocheckpointPages === undefined ? {} : { autocheckpointPages }),
  })
  await store.registry.register({
    manifest: manifest(),
    digest: 'bench',
    who: 'bench',
    why: 'bench',
    at: 0,
    files: null,
  })
  await load(store, callers, 0.5)
  const latencies: number[] = []
  const cpu = process.threadCpuUsage()
  const began = performance.now()
  await load(store, callers, seconds, latencies)
  const ms = performance.now() - began
  const { user, system } = process.threadCpuUsage(cpu)
  const rowCost = costOfRows()
  const facts = await store.facts()
  await store.close()
  rmSync(home, { recursive: true, force: true })
  latencies.sort((a, b) => a - b)
  const at = (share: number) => Number(latencies[Math.floor(share * (latencies.length - 1))].toFixed(3))
  return {
    callers,
    name,
    rowsPerSecond: Math.round((latencies.length / ms) * 1000),
    mainThreadUsPerRow: Number(((user + system) / latencies.length - rowCost).toFixed(2)),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
    rowsPerCommit: Number((latencies.length / Number(facts.commits)).toFixed(1)),
    walMib: Math.round(Number(facts.walBytes ?? 0) / 2 ** 20),
    unindexedRows: facts.unindexedRows ?? 0,
    rssMb: Math.round(process.memoryUsage.rss() / 1e6),
  }
}

async function load(
  store: Awaited<ReturnType<typeof openStore>>,
  callers: number,
  forSeconds: number,
  latencies?: number[],
) {
  const end = performance.now() + forSeconds * 1000
  const caller = async () => {
    for (let now = performance.now(); now < end; ) {
      await store.journal.appendOne(prediction({ at: Date.now() }))
      const after = performance.now()
      latencies?.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

/** What making the row and taking the time costs by itself, in µs: it is the benchmark's, not the journal's. */
function costOfRows(): number {
  const rows = 200_000
  const cpu = process.threadCpuUsage()
  let kept = 0
  for (let i = 0; i < rows; i++) kept += prediction({ at: Date.now() }).id.length + performance.now()
  const { user, system } = process.threadCpuUsage(cpu)
  return kept > 0 ? (user + system) / rows : 0
}

/** Median of writing 8 KiB and waiting for the disk, growing a file and overwriting it. */
function syncCost(folder: string) {
  const path = join(folder, `barometer-sync-${process.pid}`)
  const file = openSync(path, 'w')
  const bytes = new Uint8Array(8192)
  const round = () => {
    const times = Array.from({ length: 1000 }, (_, i) => {
      const began = performance.now()
      writeSync(file, bytes, 0, bytes.length, i * bytes.length)
      fdatasyncSync(file)
      return performance.now() - began
    })
    return Math.round(times.sort((a, b) => a - b)[500] * 1000)
  }
  const cost = { fdatasyncUs: { growing: round(), overwriting: round() } }
  closeSync(file)
  rmSync(path)
  return cost
}
