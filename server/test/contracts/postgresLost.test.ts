/** PostgreSQL that stands still, is full, locked, changed or gone: what the store says, what it keeps, and that it goes on by itself. */
import './compileCache.ts'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openStore, type StoreOptions } from '../../src/store/openStore.ts'
import { POSTGRES_LIMITS, type PostgresLimits } from '../../src/store/postgres/limits.ts'
import type { Appended, Store } from '../../src/store/store.ts'
import { canMount } from './canMount.ts'
import { type PostgresServer, startPostgres } from './postgresServer.ts'
import { feedbackOf, manifest, prediction } from './storeRows.ts'
import { startProxy, type TcpProxy } from './tcpProxy.ts'

const UNAVAILABLE = { code: 'store_unavailable', retryAfterSeconds: expect.any(Number) }
const AT = 1_790_000_000_000
/** As in production, but sooner. */
const SOON: Partial<PostgresLimits> = {
  connectMs: 1500,
  statementMs: { read: 1500, commit: 800 },
  lockMs: 400,
  answerMs: { commit: 1000, lookup: 800, read: 1700, write: 1700 },
  trustMs: 200,
  probeMs: 200,
  checkMs: 500,
}

let server: PostgresServer
let url: string
let store: Store
/** Not through the store. */
let admin: Client
const stores: Store[] = []

/** Rows that the tests before left behind. */
let before = 0

beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
  const first = await opened()
  await first.registry.register({ manifest: manifest(), digest: 'd', who: 'ada', why: 'first', at: 0, files: null })
  await first.close()
})
afterAll(() => server.remove())
beforeEach(async () => {
  store = await opened()
  before = await store.log.count()
  admin = new Client(url)
  admin.on('error', () => {})
  await admin.connect()
  return async () => {
    for (const one of stores.splice(0)) {
      one.abandon()
      await one.close()
    }
    await admin.end()
  }
})

async function opened(options: Partial<StoreOptions> = {}, limits: Partial<PostgresLimits> = {}): Promise<Store> {
  const made = await openStore({ url, home: '/', now: Date.now, postgres: { ...SOON, ...limits }, ...options })
  stores.push(made)
  return made
}

/** The store through a proxy, and the proxy. */
async function throughProxy(limits: Partial<PostgresLimits> = {}): Promise<{ far: Store; proxy: TcpProxy }> {
  const proxy = await startProxy(server.port)
  const far = await opened({ url: url.replace(`:${server.port}/`, `:${proxy.port}/`) }, limits)
  return { far, proxy }
}

const logs = (to: Store) =>
  to.journal.appendOne(prediction()).then(
    (answer) => answer.kind,
    (error: { code: string }) => error.code,
  )

describe('an error is known by what came first', () => {
  test('of the same id to two replicas at once, one is logged and the other repeats it, every time', async () => {
    const other = await opened()
    const pairs: string[] = []
    for (let i = 0; i < 150; i++) {
      const answers = await Promise.allSettled(
        [store, other].map((to) => to.journal.appendOne(prediction({ callerId: `pair${i}` }))),
      )
      pairs.push(
        answers
          .map((end) => (end.status === 'fulfilled' ? end.value.kind : String(end.reason)))
          .sort()
          .join(),
      )
    }
    expect(new Set(pairs)).toEqual(new Set(['logged,repeated']))
    await expectWhole(store, 150)
  })

  test('the same ids in batches in opposite orders, with feedback across, are logged once each', async () => {
    // A deadlock is found after the server's second, well within the time for a lock.
    const [one, other] = [await opened({}, POSTGRES_LIMITS), await opened({}, POSTGRES_LIMITS)]
    const given = Array.from({ length: 20 }, () => prediction())
    await one.journal.append(given)
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 20 }, (_, i) => `r${round}-${i}`)
      const rows = ids.map((callerId) => prediction({ callerId }))
      const answers = await Promise.all([
        one.journal.append(rows),
        other.journal.append(rows.map((row) => prediction({ callerId: row.callerId })).reverse()),
        one.journal.feedback(given.map(({ id }) => feedbackOf(id))),
        other.journal.feedback(given.map(({ id }) => feedbackOf(id)).reverse()),
      ])
      const kinds = answers.slice(0, 2).flatMap((some) => (some as Appended[]).map(({ kind }) => kind))
      expect(kinds.filter((kind) => kind === 'logged')).toHaveLength(20)
      expect(kinds.filter((kind) => kind === 'repeated')).toHaveLength(20)
    }
    await expectWhole(store, 220)
  })

  test('a batch of a thousand long texts is logged, and small ones do not wait for it', async () => {
    const slow = await opened({}, POSTGRES_LIMITS)
    const word = (i: number) => `word${((i * 7919) % 3000).toString(36)} `
    const text = Array.from({ length: 2500 }, (_, i) => word(i))
      .join('')
      .slice(0, 20_000)
    const large = slow.journal.append(Array.from({ length: 300 }, () => prediction({ text })))
    const waits: number[] = []
    const state = { logged: false }
    void large.finally(() => (state.logged = true))
    while (!state.logged) {
      const asked = performance.now()
      await slow.journal.appendOne(prediction())
      waits.push(performance.now() - asked)
    }
    expect((await large).every(({ kind }) => kind === 'logged')).toBe(true)
    expect(waits.length).toBeGreaterThan(10)
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.9)]).toBeLessThan(250)
    await expectWhole(slow, 300 + waits.length)
  })
})

describe('a connection that stands still is given up', () => {
  test('the backend of the commits is stopped: one refusal, then a new connection; what it still does adds nothing', async () => {
    const commits = await backends(`query like 'select nextval%'`)
    await logs(store)
    for (const pid of commits) process.kill(pid, 'SIGSTOP')
    try {
      const asked = performance.now()
      const refused = prediction({ callerId: 'mine' })
      await expect(store.journal.appendOne(refused)).rejects.toMatchObject(UNAVAILABLE)
      expect(performance.now() - asked).toBeLessThan(4000)
      expect(await logs(store)).toBe('logged')
      expect(await logs(store)).toBe('logged')
    } finally {
      for (const pid of commits) process.kill(pid, 'SIGCONT')
    }
    const again = await store.journal.appendOne(prediction({ callerId: 'mine' }))
    expect(['logged', 'repeated']).toContain(again.kind)
    // The stopped one may commit what was refused before it ends, but then with its hours.
    await expect.poll(() => backends(`pid in (${commits.join()})`)).toEqual([])
    await expectWhole(store, 4)
  })

  test('nothing comes back: every kind of call ends with a time to retry, the check within its time; then all goes on', async () => {
    const { far, proxy } = await throughProxy()
    expect(await logs(far)).toBe('logged')
    await far.log.page({}, 10, null)
    proxy.swallow()
    const asked = performance.now()
    const ends = await Promise.allSettled([
      far.journal.appendOne(prediction()),
      far.journal.feedback([feedbackOf('x')]),
      far.log.page({}, 10, null),
      far.log.hours({ since: 0, until: AT * 2 }),
      far.registry.head(),
      far.keys.list(),
      far.trainingRuns.anyUnattended(),
      far.registry.archive({ model: 'reviews', version: 1, who: 'ada', why: 'x', at: 0 }),
      far.log.stream({})[Symbol.asyncIterator]().next(),
    ])
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: UNAVAILABLE })
    expect(performance.now() - asked).toBeLessThan(6000)
    const checked = performance.now()
    await expect(far.check()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(performance.now() - checked).toBeLessThan(2000)
    proxy.forward()
    await expect.poll(() => logs(far), { timeout: 10_000 }).toBe('logged')
    await far.check()
    expect((await far.log.page({}, 10, null)).rows.length).toBeGreaterThan(1)
    await proxy.close()
  })

  test('connections that died while idle are found before they are used', async () => {
    const { far, proxy } = await throughProxy()
    await Promise.all(Array.from({ length: 6 }, () => far.log.page({}, 1, null)))
    expect(await logs(far)).toBe('logged')
    proxy.swallow()
    await pause(SOON.trustMs! + 50)
    proxy.forward()
    const asked = performance.now()
    await Promise.all([
      far.journal.appendOne(prediction()),
      ...Array.from({ length: 6 }, () => far.log.page({}, 1, null)),
      far.check(),
    ])
    expect(performance.now() - asked).toBeLessThan(3000)
    await proxy.close()
  })

  test('connections that are reset fail what they carry, and nothing else; the process stays', async () => {
    const { far, proxy } = await throughProxy()
    for (let round = 0; round < 5; round++) {
      const calls = [
        ...Array.from({ length: 5 }, () => far.journal.appendOne(prediction())),
        ...Array.from({ length: 5 }, () => far.log.page({}, 10, null)),
        far.registry.archive({ model: 'nobody', version: 1, who: 'ada', why: 'x', at: 0 }),
      ]
      await pause(round)
      proxy.cut()
      for (const end of await Promise.allSettled(calls))
        if (end.status === 'rejected') expect(['store_unavailable', 'version_unknown']).toContain(end.reason.code)
      await expect.poll(() => logs(far), { timeout: 10_000 }).toBe('logged')
    }
    await proxy.close()
  })

  test('a stop whose time is up ends at once: what waits is refused', async () => {
    const { far, proxy } = await throughProxy({
      answerMs: { commit: 60_000, lookup: 60_000, read: 60_000, write: 60_000 },
    })
    proxy.swallow()
    const calls = Promise.allSettled([
      far.journal.appendOne(prediction()),
      ...Array.from({ length: 9 }, () => far.log.page({}, 10, null)),
      far.registry.archive({ model: 'reviews', version: 1, who: 'ada', why: 'x', at: 0 }),
    ])
    await pause(50)
    const later = far.journal.appendOne(prediction()).catch((error: { code: string }) => error.code)
    const told = performance.now()
    const closed = far.close()
    far.abandon()
    await closed
    expect(performance.now() - told).toBeLessThan(3000)
    for (const end of await calls) expect(end).toMatchObject({ status: 'rejected', reason: { status: 503 } })
    expect(await later).toBe('stopping')
    await proxy.close()
  })
})

describe('what others do to the database', () => {
  test('a locked table, and a transaction that somebody left open, cost a refusal in time; then all goes on', async () => {
    const first = prediction()
    await store.journal.appendOne(first)
    for (const lock of [
      'lock table predictions in access exclusive mode',
      `select 1 from predictions where id = '${first.id}' for update`,
    ]) {
      await admin.query('begin')
      await admin.query(lock)
      const ends = await Promise.allSettled([
        store.journal.feedback([feedbackOf(first.id)]),
        ...(lock.startsWith('lock') ? [store.journal.appendOne(prediction()), store.log.page({}, 1, null)] : []),
      ])
      for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: UNAVAILABLE })
      await admin.query('rollback')
      expect(await logs(store)).toBe('logged')
    }
    await expectWhole(store, 3)
  })

  test('a newer version’s migration changes the tables under a server that runs: nobody sees it', async () => {
    const callerId = 'before and after'
    await store.journal.appendOne(prediction({ callerId }))
    await store.journal.appendOne(prediction({ callerId }))
    await admin.query('alter table predictions add column news text')
    try {
      expect((await store.journal.appendOne(prediction({ callerId }))).kind).toBe('repeated')
      expect(await logs(store)).toBe('logged')
    } finally {
      await admin.query('alter table predictions drop column news')
    }
    expect((await store.journal.appendOne(prediction({ callerId }))).kind).toBe('repeated')
  })

  test('connections are renewed when they are old, and no call sees it', async () => {
    const old = await opened({}, { lifetimeMs: 300 })
    const pids = new Set<string>()
    for (let i = 0; i < 12; i++) {
      expect(await logs(old)).toBe('logged')
      await old.log.page({}, 1, null)
      pids.add((await backends("query like 'commit%' or query like 'select%seq%'")).toSorted((a, b) => a - b).join())
      await pause(100)
    }
    expect(pids.size).toBeGreaterThan(2)
    expect(old.connections()?.open).toBeLessThanOrEqual(3)
  })

  test('without the right to connect, a connection to be had, or the database itself: refused with a time to retry, and it goes on', async () => {
    const own = await server.createDatabase()
    const other = await openStore({ url: own, home: '/', now: Date.now, postgres: SOON })
    stores.push(other)
    await other.registry.register({ manifest: manifest(), digest: 'd', who: 'ada', why: 'first', at: 0, files: null })
    const name = new URL(own).pathname.slice(1)
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`
    const troubles = [
      ["alter role barometer with password 'another'", "alter role barometer with password 'barometer'"],
      [`alter database ${name} with allow_connections false`, `alter database ${name} with allow_connections true`],
      [`alter database ${name} rename to ${name}_gone`, `alter database ${name}_gone rename to ${name}`],
    ]
    for (const [trouble, end] of troubles) {
      await admin.query(cut)
      await pause(20)
      await admin.query(trouble).catch(async () => {
        await admin.query(cut)
        await admin.query(trouble)
      })
      await admin.query(cut)
      expect(await logs(other)).toBe('store_unavailable')
      await expect(other.log.page({}, 1, null)).rejects.toMatchObject(UNAVAILABLE)
      await expect(other.check()).rejects.toMatchObject({ code: 'store_unavailable' })
      await admin.query(end)
      await expect.poll(() => logs(other), { timeout: 10_000 }).toBe('logged')
    }
    expect(await other.log.count()).toBe(troubles.length)
  })

  test('the tables are gone: refused, not a bug', async () => {
    const own = await server.createDatabase()
    const other = await openStore({ url: own, home: '/', now: Date.now, postgres: SOON })
    stores.push(other)
    const direct = new Client(own)
    await direct.connect()
    await direct.query('drop schema public cascade; create schema public')
    await direct.end()
    expect(await logs(other)).toBe('store_unavailable')
    await expect(other.check()).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

test.skipIf(!canMount())(
  'a full disk of the write-ahead log refuses; what was acknowledged is there when there is room',
  async () => {
    const disk = mkdtempSync(join(tmpdir(), 'barometer-wal-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=1777', 'tmpfs', disk])
    try {
      const full = await startPostgres({ initdb: [`--waldir=${join(disk, 'wal')}`, '--wal-segsize=1'] })
      try {
        const on = await openStore({ url: await full.createDatabase(), home: '/', now: Date.now, postgres: SOON })
        await on.registry.register({ manifest: manifest(), digest: 'd', who: 'ada', why: 'first', at: 0, files: null })
        const { bavail, bsize } = statfsSync(disk)
        writeFileSync(join(disk, 'ballast'), new Uint8Array(bavail * bsize - 2 ** 20))
        const acknowledged: string[] = []
        const refusals: unknown[] = []
        while (refusals.length === 0 && acknowledged.length < 20_000) {
          const rows = Array.from({ length: 20 }, () => prediction({ text: randomBytes(3000).toString('hex') }))
          await on.journal.append(rows).then(
            () => acknowledged.push(...rows.map(({ id }) => id)),
            (error: unknown) => refusals.push(error),
          )
        }
        const [refusal] = refusals
        expect(refusal).toMatchObject(UNAVAILABLE)
        await expect(on.check()).rejects.toMatchObject({ code: 'store_unavailable' })
        rmSync(join(disk, 'ballast'))
        // PostgreSQL ends itself when it cannot write its log.
        await full.stop()
        await full.start()
        await expect.poll(() => logs(on), { timeout: 15_000 }).toBe('logged')
        const there = new Set<string>()
        for await (const rows of on.log.stream({})) for (const row of rows) there.add(row.id)
        expect(acknowledged.filter((id) => !there.has(id))).toEqual([])
        expect(await on.log.count()).toBe(there.size)
        await on.close()
      } finally {
        await full.remove()
      }
    } finally {
      execFileSync('umount', ['--lazy', disk])
      rmSync(disk, { recursive: true, force: true })
    }
  },
)

async function backends(where: string): Promise<number[]> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and (${where})`,
  )
  return rows.map(({ pid }) => pid)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The rows that can be read, the count and the roll-ups agree: so many came with this test. */
async function expectWhole(of: Store, rows: number) {
  let read = 0
  for await (const chunk of of.log.stream({})) read += chunk.length
  const hours = await of.log.hours({ since: 0, until: 2 * AT })
  const counted = hours.reduce((sum, hour) => sum + hour.rows, 0)
  expect([read, await of.log.count(), counted]).toEqual(Array.from({ length: 3 }, () => before + rows))
}
