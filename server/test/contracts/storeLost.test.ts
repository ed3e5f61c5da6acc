/** A full disk and a lost server: the store says so, loses nothing that it took, and works again when it can. */
import './compileCache.ts'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../../src/store/openStore.ts'
import type { Store } from '../../src/store/store.ts'
import { canMount } from './canMount.ts'
import { startPostgres } from './postgresServer.ts'
import { feedbackOf, manifest, prediction } from './storeRows.ts'

const UNAVAILABLE = { code: 'store_unavailable', retryAfterSeconds: expect.any(Number) }
const AT = 1_790_000_000_000

test('SQLite at its size limit refuses with a time to retry, keeps all that it took, and goes on when rows went', async () => {
  const home = mkdtempSync(join(tmpdir(), 'barometer-full-'))
  const store = await opened({ url: null, home, now: Date.now, bytesMax: 3 * 2 ** 20 })
  const taken = await appendUntilRefused(store)
  await expectWhole(store, taken)
  await store.log.retain({ rowsMax: Math.floor(taken / 2), olderThan: null, stepRows: 200, stepsMax: 1000 })
  await expect.poll(() => store.journal.appendOne(prediction()).catch(() => null)).toEqual({ kind: 'logged' })
  await store.close()
  rmSync(home, { recursive: true, force: true })
}, 60_000)

test.skipIf(!canMount())(
  'SQLite on a full disk refuses with a time to retry, and goes on by itself when there is space',
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'barometer-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', home])
    try {
      const store = await opened({ url: null, home: join(home, 'state'), now: Date.now })
      const first = prediction({ callerId: 'first' })
      await store.journal.appendOne(first)
      const ballast = join(home, 'ballast')
      const { bavail, bsize } = statfsSync(home)
      writeFileSync(ballast, new Uint8Array(bavail * bsize - 2 * 2 ** 20))
      const taken = 1 + (await appendUntilRefused(store))
      // So little may still fit into what a refused transaction has left of the write-ahead log.
      const fitted = await store.journal.feedback([feedbackOf(first.id)]).catch((error: unknown) => {
        expect(error).toMatchObject(UNAVAILABLE)
        return null
      })
      expect((await store.log.get(first.id))?.id).toBe(first.id)
      await expectWhole(store, taken)
      rmSync(ballast)
      expect(await store.journal.appendOne(prediction())).toEqual({ kind: 'logged' })
      const [again] = await store.journal.feedback([feedbackOf(first.id)])
      expect(again.kind).toBe(fitted === null ? 'new' : 'repeated')
      await store.check()
      await expectWhole(store, taken + 1)
      await store.close()
    } finally {
      execFileSync('umount', ['--lazy', home]) // a store that a failure left open must not hide that failure
      rmSync(home, { recursive: true, force: true })
    }
  },
  60_000,
)

test('without its server PostgreSQL refuses with a time to retry, and goes on by itself when the server is back', async () => {
  const server = await startPostgres()
  try {
    const store = await opened({ url: await server.createDatabase(), home: tmpdir(), now: Date.now })
    await store.journal.append([prediction(), prediction()])
    await server.stop()
    await expect(store.journal.appendOne(prediction())).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.journal.appendOne(prediction())).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.log.page({}, 1, null)).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.log.stream({})[Symbol.asyncIterator]().next()).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.registry.head()).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.check()).rejects.toMatchObject(UNAVAILABLE)
    await server.start()
    await expect
      .poll(() => store.journal.appendOne(prediction()).catch(() => null), { timeout: 10_000 })
      .toEqual({ kind: 'logged' })
    await expectWhole(store, 3)
    await store.check()
    await store.close()
  } finally {
    await server.remove()
  }
}, 60_000)

test('a server that dies under load loses nothing that was acknowledged', async () => {
  const server = await startPostgres()
  try {
    const store = await opened({ url: await server.createDatabase(), home: tmpdir(), now: Date.now })
    const acknowledged: string[] = []
    let refused = 0
    const load = { stop: false }
    const callers = Array.from({ length: 16 }, async () => {
      while (!load.stop) {
        const row = prediction()
        try {
          await store.journal.appendOne(row)
          acknowledged.push(row.id)
        } catch (error) {
          expect(error).toMatchObject(UNAVAILABLE)
          refused += 1
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    })
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(200)
    await server.crash()
    await expect.poll(() => refused, { timeout: 20_000 }).toBeGreaterThan(16)
    await server.start()
    const before = acknowledged.length
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(before + 100)
    load.stop = true
    await Promise.all(callers)
    const logged = new Set<string>()
    for await (const rows of store.log.stream({})) for (const row of rows) logged.add(row.id)
    expect(acknowledged.filter((id) => !logged.has(id))).toEqual([])
    // What was not acknowledged may be there, but then as a whole.
    await expectWhole(store, logged.size)
    await store.close()
  } finally {
    await server.remove()
  }
}, 90_000)

async function opened(options: Parameters<typeof openStore>[0]): Promise<Store> {
  if (options.url === null) mkdirSync(options.home, { recursive: true })
  const store = await openStore(options)
  await store.registry.register({ manifest: manifest(), digest: 'd', who: 'ada', why: 'first', at: 0, files: null })
  return store
}

/** How many rows were taken before the first refusal. */
async function appendUntilRefused(store: Store): Promise<number> {
  for (let taken = 0; ; taken += 10) {
    try {
      await store.journal.append(Array.from({ length: 10 }, () => prediction({ text: 'word '.repeat(200) })))
    } catch (error) {
      expect(error).toMatchObject(UNAVAILABLE)
      return taken
    }
  }
}

/** The rows that can be read, the count and the roll-ups agree. */
async function expectWhole(store: Store, rows: number) {
  let read = 0
  for await (const chunk of store.log.stream({})) read += chunk.length
  const hours = await store.log.hours({ since: 0, until: 2 * AT })
  expect([read, await store.log.count(), hours.reduce((sum, hour) => sum + hour.rows, 0)]).toEqual([rows, rows, rows])
}
