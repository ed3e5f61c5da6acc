/** API keys. */
import type { ApiKey, Scope } from '../../domain/apiKey.ts'
import type { Database } from '../database.ts'
import type { Keys } from '../store.ts'
import type { ApiKeysTable } from '../tables.ts'

export function keys({ read, write }: Database): Keys {
  return {
    async create(key) {
      await write
        .insertInto('api_keys')
        .values({
          id: key.id,
          name: key.name,
          hash: key.hash,
          scopes: JSON.stringify(key.scopes),
          rate_per_minute: key.ratePerMinute,
          created_at: key.createdAt,
          expires_at: key.expiresAt,
          revoked_at: key.revokedAt,
        })
        .execute()
    },
    async list() {
      const rows = await read.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute()
      return rows.map(toKey)
    },
    async get(id) {
      const row = await read.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : toKey(row)
    },
    async revoke(id, at) {
      const { numUpdatedRows } = await write
        .updateTable('api_keys')
        .set((is) => ({ revoked_at: is.fn.coalesce('revoked_at', is.val(at)) }))
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}

function toKey(row: ApiKeysTable): ApiKey {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    scopes: JSON.parse(row.scopes) as Scope[],
    ratePerMinute: row.rate_per_minute,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}
