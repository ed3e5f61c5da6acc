import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StatsAnswer } from '@barometer/wire'
import { expect, test } from 'vitest'
import { manifest, prediction } from '../../test/contracts/storeRows.ts'
import { serve } from '../../test/serve.ts'
import { openStore } from '../store/openStore.ts'

test('labels that every object has as properties are counted like any other', async () => {
  const home = await mkdtemp(join(tmpdir(), 'barometer-stats-'))
  const labels = ['__proto__', 'constructor']
  const store = await openStore({ url: null, home, now: Date.now })
  await store.registry.register({
    manifest: manifest({ model: 'odd', task: 'odd', labels }),
    digest: 'ab'.repeat(32),
    who: 'test',
    why: '',
    at: Date.now(),
    files: null,
  })
  // Each in a commit of its own, so that the roll-up of the hour is read back and added to.
  for (const label of ['constructor', '__proto__', 'constructor'])
    await store.journal.append([
      prediction({ at: Date.now(), task: 'odd', model: 'odd', label, probabilities: [0.1, 0.9] }),
    ])
  await store.close()
  const server = await serve({}, home)
  try {
    const { status, body } = await server.call<StatsAnswer>('GET', '/stats?task=odd')
    expect(status).toBe(200)
    const { labels: counts, label_shares: shares } = body.total
    expect(new Map(Object.entries(counts))).toEqual(
      new Map([
        ['__proto__', 1],
        ['constructor', 2],
      ]),
    )
    expect(new Map(Object.entries(shares))).toEqual(
      new Map([
        ['__proto__', 1 / 3],
        ['constructor', 2 / 3],
      ]),
    )
  } finally {
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
})
