/** A damaged database: whoever asks hears it, and whoever runs the server finds it everywhere that is looked at. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openStore } from '../../src/store/openStore.ts'
import { manifest, prediction } from '../contracts/storeRows.ts'
import { serve } from '../serve.ts'

const command = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))

test('damage is said to the caller, in the log, by /health, in the metrics and by db check', async () => {
  const home = mkdtempSync(join(tmpdir(), 'barometer-damaged-'))
  const first = await serve({}, home)
  expect((await first.call('POST', '/predict', { text: 'still whole' })).status).toBe(200)
  await first.stop()
  spoil(join(home, 'barometer.db'), 'predictions')

  const child = spawn(process.execPath, [command, 'serve', '--port', '0'], {
    env: { ...process.env, BAROMETER_HOME: home, LOG_LEVEL: 'info' },
  })
  let log = ''
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const address = await addressOf(child)
  const predicted = await fetch(`${address}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'lost' }),
  })
  expect([predicted.status, await predicted.json()]).toMatchObject([503, { error: { code: 'store_unusable' } }])
  for (const path of ['/health', '/health/ready']) {
    const answer = await fetch(address + path)
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('damaged')])
  }
  const metrics = await (await fetch(`${address}/metrics`)).text()
  expect(metrics).toContain('ml_store_damaged 1')
  expect(metrics).toMatch(/ml_store_failures_total\{code="store_unusable"\} [1-9]/)
  child.kill('SIGTERM')
  await new Promise((resolve) => child.on('exit', resolve))
  const line = log.split('\n').find((text) => text.includes('store_unusable'))
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    level: 50,
    why: expect.stringContaining('malformed'),
  })

  const check = spawnSync(process.execPath, [command, 'db', 'check'], {
    env: { ...process.env, BAROMETER_HOME: home },
    encoding: 'utf8',
  })
  expect(check.status).toBe(1)
  expect(check.stdout + check.stderr).toMatch(/damaged/)
  rmSync(home, { recursive: true })
}, 60_000)

test.each<[string, (path: string) => void, RegExp]>([
  ['a page of a table', (path) => spoil(path, 'feedback_by_prediction'), /feedback_by_prediction|btree|page/i],
  ['the full-text index', (path) => change(path, 'delete from search_data where id > 10'), /fts5|search/i],
  [
    'a reference to nothing',
    (path) => change(path, 'pragma foreign_keys = off; delete from versions'),
    /predictions names a row of versions/,
  ],
])(
  'a check finds damage in %s',
  async (_what, damage, says) => {
    const home = mkdtempSync(join(tmpdir(), 'barometer-damage-'))
    const options = { url: null, home, now: Date.now }
    const store = await openStore(options)
    await store.registry.register({ manifest: manifest(), digest: 'd', who: 'ada', why: 'first', at: 0, files: null })
    await store.journal.append(Array.from({ length: 200 }, () => prediction()))
    await expect.poll(async () => (await store.facts()).unindexedRows, { timeout: 10_000 }).toBe(0)
    expect(await store.integrity()).toEqual([])
    await store.close()
    damage(join(home, 'barometer.db'))
    const again = await openStore(options)
    const found = await again.integrity()
    await again.close()
    rmSync(home, { recursive: true })
    expect(found.join('\n')).toMatch(says)
  },
  30_000,
)

/** Writes rubbish over the first page of a table or an index. */
function spoil(path: string, name: string) {
  const db = new DatabaseSync(path)
  const row = db.prepare('select rootpage from sqlite_schema where name = ?').get(name)
  db.exec('pragma wal_checkpoint(truncate)')
  db.close()
  const file = openSync(path, 'r+')
  writeSync(file, new Uint8Array(4096).fill(0xa5), 0, 4096, (Number(row?.['rootpage']) - 1) * 4096)
  closeSync(file)
}

function change(path: string, statements: string) {
  const db = new DatabaseSync(path)
  db.enableDefensive(false)
  db.exec(statements)
  db.close()
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const address = /http:\/\/localhost:\d+/.exec(said)?.[0]
      if (address !== undefined) resolve(address)
    })
    child.on('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)))
  })
}
