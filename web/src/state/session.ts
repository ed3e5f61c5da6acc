import type { Scope } from '@barometer/wire'
import { useQuery } from '@tanstack/react-query'
import { sessionQuery } from '../api/queries.ts'

/** Whether the reader may do what needs `scope`. A server that runs open lets everybody do everything. */
export function useMay(scope: Scope): boolean {
  const { data } = useQuery(sessionQuery)
  return data !== undefined && (!data.key_needed || data.scopes.includes(scope))
}
