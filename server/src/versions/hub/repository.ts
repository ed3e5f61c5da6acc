/** What the Hub says of a repository: the commit of a revision, and its files with their proofs. */
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub'
import { Fault } from '../../domain/faults.ts'
import { type HubModel, hubWord, isCommit } from '../../domain/hubModel.ts'
import type { FileProof } from './cache.ts'
import type { Hub } from './hub.ts'
import { ask } from './request.ts'

/** The commit that a revision stands at now. */
export async function commitOf(hub: Hub, model: HubModel, signal: AbortSignal): Promise<string> {
  const { sha } = await answered(hub, model, () =>
    modelInfo({
      name: model.repository,
      revision: model.revision,
      additionalFields: ['sha'],
      hubUrl: hub.endpoint,
      fetch: fetchFor(hub, model, signal),
    }),
  )
  if (typeof sha !== 'string' || !isCommit(sha)) throw nonsense(hub, model, 'no commit')
  return sha
}

/** Every file of a commit by its path. The list is read as foreign input. */
export async function listRepository(
  hub: Hub,
  model: HubModel,
  commit: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FileProof>> {
  const files = new Map<string, FileProof>()
  await answered(hub, model, async () => {
    let entries = 0
    const asked = { repo: model.repository, revision: commit, recursive: true, hubUrl: hub.endpoint }
    for await (const { type, path, size, oid, lfs } of listFiles({ ...asked, fetch: fetchFor(hub, model, signal) })) {
      if (++entries > hub.limits.entries)
        throw new Fault('model_unsupported', { say: `${hubWord(model)} has more than ${hub.limits.entries} files.` })
      if (!isPlain(path)) throw nonsense(hub, model, `a file with the name “${String(path).slice(0, 100)}”`)
      if (type !== 'file') continue
      const proof = { size: lfs?.size ?? size, hash: lfs?.oid ?? oid ?? '' }
      if (!Number.isSafeInteger(proof.size) || proof.size < 0 || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(proof.hash))
        throw nonsense(hub, model, `“${path}” without a size or hash`)
      files.set(path, proof)
    }
  })
  return files
}

/** Whether a path stays inside the folder that it is joined to, on every system. */
function isPlain(path: unknown): path is string {
  if (typeof path !== 'string' || path === '' || path.length > 1000 || /[\p{Cc}\\:]/u.test(path)) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

/** Of one list: a hub that always has a next page is given up. */
const PAGES_MAX = 1000

/** The Hub's client makes the requests; ours carries them: token, redirects, limits, times. */
function fetchFor(hub: Hub, model: HubModel, signal: AbortSignal): typeof fetch {
  let pages = 0
  return async (input) => {
    if (++pages > PAGES_MAX) throw nonsense(hub, model, `more than ${PAGES_MAX} pages of files`)
    const address = input instanceof Request ? input.url : input.toString()
    const { response, body } = await ask(hub, address, { accept: 'application/json' }, signal)
    return new Response(body, { status: response.status, headers: response.headers })
  }
}

/** Turns what the client throws of an answer that it cannot read into the fault that it is. */
async function answered<T>(hub: Hub, model: HubModel, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof HubApiError || error instanceof SyntaxError || error instanceof TypeError)
      throw nonsense(hub, model, 'an answer that is none', error)
    throw error
  }
}

function nonsense(hub: Hub, model: HubModel, what: string, cause?: unknown): Fault {
  return new Fault('hub_broken', { say: `${new URL(hub.endpoint).host} sent ${what} for ${hubWord(model)}.`, cause })
}
