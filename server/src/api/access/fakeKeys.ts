/** The keys of a store, in memory: for tests of what stands on them. */
import type { ApiKey } from '../../domain/apiKey.ts'
import { Fault } from '../../domain/faults.ts'
import type { Keys } from '../../store/store.ts'

export interface FakeKeys extends Keys {
  /** How often the keys were read. */
  readonly reads: number
  /** While true, every call fails as that of a lost database does. */
  lost: boolean
}

export function fakeKeys(): FakeKeys {
  const rows = new Map<string, ApiKey>()
  const answer = async <T>(value: () => T): Promise<T> => {
    if (fake.lost) throw new Fault('store_unavailable', { retryAfterSeconds: 1 })
    return value()
  }
  const fake = {
    reads: 0,
    lost: false,
    create: (key: ApiKey) => answer(() => void rows.set(key.id, key)),
    get: (id: string) => answer(() => rows.get(id) ?? null),
    list() {
      fake.reads++
      return answer(() => [...rows.values()])
    },
    revoke: (id: string, at: number) =>
      answer(() => {
        const key = rows.get(id)
        if (key === undefined) return false
        rows.set(id, { ...key, revokedAt: key.revokedAt ?? at })
        return true
      }),
  }
  return fake
}
