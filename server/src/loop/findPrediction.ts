import type { LoggedPrediction } from '../domain/prediction.ts'
import type { Keeping } from '../domain/redaction/keeping.ts'
import type { Store } from '../store/store.ts'

/** By the prediction's id, else by the caller's own: as it was sent, or as the log keeps it. */
export async function findPrediction(
  id: string,
  { log, keeping }: { readonly log: Pick<Store['log'], 'get'>; readonly keeping: Keeping },
): Promise<LoggedPrediction | null> {
  const found = await log.get(id)
  const kept = keeping.name(id)
  return found !== null || kept === id ? found : log.get(kept)
}
