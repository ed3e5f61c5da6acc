import '../../../test/contracts/compileCache.ts'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { manifest, prediction } from '../../../test/contracts/storeRows.ts'
import { openStore } from '../openStore.ts'
import type { Store } from '../store.ts'

const WAL_BYTES_MAX = 256 * 1024

let home: string
let store: Store
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'barometer-checkpointer-'))
  store = await openStore({ url: null, home, now: Date.now, walBytesMax: WAL_BYTES_MAX })
  await store.registry.register({ manifest: manifest(), digest: 'd', who: 'ada', why: 'first', at: 0, files: null })
})
afterEach(async () => {
  await store.close()
  rmSync(home, { recursive: true })
})

const walBytes = () => statSync(join(home, 'barometer.db-wal')).size
const append = (rows: number) => store.journal.append(Array.from({ length: rows }, () => prediction()))

async function growWal(bytes: number) {
  while (walBytes() < bytes) await append(200)
}

test('beside a reader that stays open, a commit after a pause does not wait for the log behind it', async () => {
  const reader = new DatabaseSync(join(home, 'barometer.db'), { readOnly: true })
  await append(1)
  reader.exec('begin')
  reader.prepare('select count(*) from predictions').get()
  await growWal(4 * WAL_BYTES_MAX)
  const slowest: number[] = []
  for (let pause = 0; pause < 3; pause++) {
    await setTimeout(1400)
    const began = performance.now()
    await append(1)
    slowest.push(performance.now() - began)
  }
  reader.close()
  // One that waits for the reader waits for seconds.
  expect(Math.max(...slowest)).toBeLessThan(1000)
})

test('the file of the log is used again, and comes down after a reader has let it grow', async () => {
  await append(1)
  const reader = new DatabaseSync(join(home, 'barometer.db'), { readOnly: true })
  reader.exec('begin')
  reader.prepare('select count(*) from predictions').get()
  await growWal(8 * WAL_BYTES_MAX)
  reader.close()
  await expect
    .poll(
      async () => {
        await append(1)
        return walBytes()
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBeLessThanOrEqual(2 * WAL_BYTES_MAX)
  // From here on it keeps its blocks: overwriting them is half the work of growing.
  const kept = walBytes()
  await setTimeout(1500)
  await append(50)
  expect(walBytes()).toBeGreaterThanOrEqual(kept)
})
