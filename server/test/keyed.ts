/** A running server that has keys: one for each scope, and some that no longer hold. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKey, type KeyRequest } from '../src/api/access/keys.ts'
import { serverSecret } from '../src/api/access/secret.ts'
import { loadConfig, type Overrides } from '../src/config.ts'
import { openStore } from '../src/store/openStore.ts'
import { type Served, serve } from './serve.ts'

export interface Keyed {
  readonly server: Served
  readonly keys: Readonly<Record<'predict' | 'read' | 'admin' | 'all' | 'expired' | 'revoked' | 'slow', string>>
}

const lasting: Pick<KeyRequest, 'ratePerMinute' | 'expiresAt'> = { ratePerMinute: null, expiresAt: null }

export async function serveKeyed(overrides: Overrides = {}): Promise<Keyed> {
  const home = await mkdtemp(join(tmpdir(), 'barometer-keyed-'))
  const store = await openStore({
    url: loadConfig({}, home, overrides).databaseUrl?.reveal() ?? null,
    home,
    now: Date.now,
  })
  const make = async (name: string, request: Partial<KeyRequest>): Promise<string> => {
    const asked = { name, scopes: ['predict', 'read', 'admin'] as const, ...lasting, ...request }
    const { shown, stored } = createKey(asked, serverSecret(home, null), Date.now())
    await store.keys.create(stored)
    return shown
  }
  const keys = {
    predict: await make('predict', { scopes: ['predict'] }),
    read: await make('read', { scopes: ['read'] }),
    admin: await make('admin', { scopes: ['admin'] }),
    all: await make('all', {}),
    expired: await make('expired', { expiresAt: Date.now() - 1 }),
    revoked: await make('revoked', {}),
    slow: await make('slow', { ratePerMinute: 5 }),
  }
  await store.keys.revoke(keys.revoked.split('_')[1], Date.now())
  await store.close()
  return { server: await serve(overrides, home), keys }
}

export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` }
}
