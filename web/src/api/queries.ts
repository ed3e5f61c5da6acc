/** What the page reads, each with its key and how long it stays good. */
import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query'
import * as calls from './calls.ts'
import { isPassing } from './fault.ts'

const RETRIES_MAX = 2

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // `always`: a server on this machine answers without the internet that `online` means.
      queries: {
        networkMode: 'always',
        retry: (failures, error) => isPassing(error) && failures < RETRIES_MAX,
        staleTime: 10_000,
        refetchOnWindowFocus: true,
      },
      mutations: { networkMode: 'always' },
    },
  })
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => calls.session(signal),
  staleTime: Number.POSITIVE_INFINITY,
})

export const modelsQuery = queryOptions({ queryKey: ['models'], queryFn: ({ signal }) => calls.models(signal) })

export const stageEventsQuery = (model: string) =>
  queryOptions({ queryKey: ['models', model, 'events'], queryFn: ({ signal }) => calls.stageEvents(model, signal) })

/** The scores of what is being typed. A newer text aborts the older request, and an answer shows only for its own text. */
export const explainQuery = (text: string, task: string) =>
  queryOptions({
    queryKey: ['explain', task, text],
    queryFn: ({ signal }) => calls.explain({ text, task }, signal),
    enabled: text.trim() !== '',
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
    retry: false,
  })

export const predictionQuery = (id: string) =>
  queryOptions({ queryKey: ['prediction', id], queryFn: ({ signal }) => calls.prediction(id, signal), gcTime: 60_000 })

export const explainLoggedQuery = (id: string, kept: boolean) =>
  queryOptions({
    queryKey: ['explain', 'logged', id],
    queryFn: ({ signal }) => calls.explain({ prediction_id: id }, signal),
    enabled: kept,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  })

const STATS_EVERY_MS = 15_000
const HOUR_MS = 3_600_000

/** The last `hours` hours by hour, the running one included. */
export const statsQuery = (task: string, hours: number) =>
  queryOptions({
    queryKey: ['stats', task, hours],
    queryFn: ({ signal }) => {
      const since = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - (hours - 1) * HOUR_MS)
      return calls.stats(new URLSearchParams({ since: since.toISOString(), ...(task && { task }) }), signal)
    },
    placeholderData: keepPreviousData,
    refetchInterval: STATS_EVERY_MS,
  })
