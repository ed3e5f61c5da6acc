/** A model's files from the Hub, or from the cache, or from a folder: the ones that are needed, proven. */
import { readFile, realpath, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { type HubModel, hubWord } from '../../domain/hubModel.ts'
import { isThere } from '../../platform/isThere.ts'
import {
  blobPath,
  cachedCommit,
  cachedFiles,
  type FileProof,
  isWhole,
  keepCommit,
  linkIntoSnapshot,
  snapshotFolder,
} from './cache.ts'
import { chooseFiles, isWanted, type WantedWeights } from './chooseFiles.ts'
import { download } from './download.ts'
import type { Hub } from './hub.ts'
import type { ChosenFiles, ModelFiles } from './modelFiles.ts'
import { commitOf, listRepository } from './repository.ts'
import { ConnectionBroken } from './request.ts'

export interface PullProgress {
  readonly path: string
  readonly bytes: number
  /** Of all files of the model; files beside the model's are counted once they are known of. */
  readonly bytesTotal: number
}

export interface PullNeeds {
  readonly hub: Hub
  /** The files in which an ONNX model keeps weights beside its own, by name, with the bytes that each must have. */
  readonly externalFiles: (onnx: Uint8Array) => ReadonlyMap<string, number>
  readonly onProgress: (progress: PullProgress) => void
  /** Something that a person should know, and that stops nothing. */
  readonly onNotice: (words: string) => void
  readonly signal: AbortSignal
}

export interface PullOptions {
  readonly wanted: WantedWeights
  /** `cache`: ask the Hub only for what is not here yet. `hub`: ask it whether the revision has moved. */
  readonly first: 'hub' | 'cache'
}

/**
 * Fetches a model's files into the cache, unless they are there.
 *
 * @throws hub_unreachable, hub_unknown, hub_refused, hub_broken; model_unsupported where its files are of no use here
 */
export async function pullModel(model: HubModel, options: PullOptions, needs: PullNeeds): Promise<ModelFiles> {
  const { hub } = needs
  if (hub.offline || options.first === 'cache') {
    const cached = await fromCache(model, options, needs)
    if (cached !== null && (hub.offline || isWanted(cached.chosen.weights, options.wanted))) return cached
    if (hub.offline)
      throw new Fault('hub_unreachable', {
        say: `${hubWord(model)} is not in the cache (${hub.cacheFolder}), and HF_HUB_OFFLINE forbids to fetch it.`,
      })
  }
  try {
    return await fromHub(model, options, needs)
  } catch (error) {
    const lost = unreachable(model, error, needs)
    if (lost === null) throw error
    const cached = await fromCache(model, options, needs)
    if (cached === null) throw lost
    needs.onNotice(`${lost.message} The copy in the cache is used.`)
    return cached
  }
}

/** The files of a model in a folder, as an exporter has left them there. */
export async function folderModel(folder: string, options: Pick<PullOptions, 'wanted'>): Promise<ModelFiles> {
  if (!(await isThere(folder))) throw new Fault('model_unsupported', { say: `There is no folder ${folder}.` })
  if (!(await stat(folder)).isDirectory())
    throw new Fault('model_unsupported', { say: `${folder} is a file; name the folder that it is in.` })
  const chosen = chooseFiles(folder, await cachedFiles(folder), options.wanted)
  return { title: folder, commit: null, folder, chosen }
}

function unreachable(model: HubModel, error: unknown, { hub }: PullNeeds): Fault | null {
  if (error instanceof Fault && error.code === 'hub_unreachable') return error
  if (!(error instanceof ConnectionBroken)) return null
  const { host } = new URL(hub.endpoint)
  return new Fault('hub_unreachable', {
    say: `${hubWord(model)} cannot be fetched from ${host}: ${error.message}.`,
    cause: error,
  })
}

/** Null where the cache does not have all of the model. A file that is not what its name says is removed. */
async function fromCache(model: HubModel, options: PullOptions, needs: PullNeeds): Promise<ModelFiles | null> {
  const { cacheFolder } = needs.hub
  const commit = await cachedCommit(cacheFolder, model)
  if (commit === null) return null
  const folder = snapshotFolder(cacheFolder, model, commit)
  let chosen: ChosenFiles
  try {
    chosen = chooseFiles(hubWord(model), await cachedFiles(folder), options.wanted)
  } catch (error) {
    if (error instanceof Fault) return null // another tool has fetched other files of it
    throw error
  }
  const paths = [...pathsOf(chosen), ...(await besideOf(folder, chosen, needs)).keys()]
  for (const path of paths) {
    if (!(await isThere(join(folder, path)))) return null
    if (await isWhole(join(folder, path))) continue
    needs.onNotice(`${path} of ${hubWord(model)} was damaged in the cache and is fetched again.`)
    await removeWithBlob(join(folder, path))
    return null
  }
  return { title: titleOf(model), commit, folder, chosen }
}

async function removeWithBlob(path: string): Promise<void> {
  await rm(await realpath(path), { force: true })
  await rm(path, { force: true })
}

async function fromHub(model: HubModel, options: PullOptions, needs: PullNeeds): Promise<ModelFiles> {
  const { hub, signal } = needs
  const commit = await commitOf(hub, model, signal)
  const listed = await listRepository(hub, model, commit, signal)
  const chosen = chooseFiles(hubWord(model), [...listed.keys()], options.wanted)
  const folder = snapshotFolder(hub.cacheFolder, model, commit)
  let bytesTotal = 0
  let bytesBefore = 0
  const fetchAll = async (paths: readonly string[]): Promise<void> => {
    for (const path of paths) bytesTotal += proofOf(listed, path, needs, model).size
    if (bytesTotal > hub.limits.modelBytes) throw tooLarge(model, bytesTotal, hub.limits.modelBytes)
    for (const path of paths) {
      const proof = proofOf(listed, path, needs, model)
      const blob = blobPath(hub.cacheFolder, model, proof.hash)
      await download(hub, {
        ...proof,
        title: `${path} of ${hubWord(model)}`,
        address: `${hub.endpoint}/${model.repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`,
        target: blob,
        signal,
        onBytes: (bytes) => needs.onProgress({ path, bytes: bytesBefore + bytes, bytesTotal }),
      })
      await linkIntoSnapshot(blob, join(folder, path))
      bytesBefore += proof.size
    }
  }
  await fetchAll(pathsOf(chosen))
  await fetchAll([...(await besideOf(folder, chosen, needs)).keys()])
  await keepCommit(hub.cacheFolder, model, commit)
  return { title: titleOf(model), commit, folder, chosen }
}

function titleOf({ repository }: HubModel): string {
  return `hf:${repository}`
}

/** The small files first: what is wrong with them is known before the large ones are fetched. */
export function pathsOf({ config, card, tokenizer, weights }: ChosenFiles): string[] {
  const tokenizers = {
    json: () => [tokenizer.kind === 'json' ? tokenizer.path : ''],
    'word-pieces': () => [tokenizer.kind === 'word-pieces' ? tokenizer.vocabulary : ''],
    'byte-pairs': () => (tokenizer.kind === 'byte-pairs' ? [tokenizer.vocabulary, tokenizer.merges] : []),
  }
  const paths = [config, card, tokenizer.settings, ...tokenizers[tokenizer.kind](), weights.path]
  return paths.filter((path) => path !== null)
}

/** Files beside an ONNX model that hold its weights, by their path in the repository, with the bytes that they need. */
export async function besideOf(
  folder: string,
  { weights }: ChosenFiles,
  { externalFiles }: Pick<PullNeeds, 'externalFiles'>,
): Promise<ReadonlyMap<string, number>> {
  if (weights.kind !== 'onnx' || !(await isThere(join(folder, weights.path)))) return new Map()
  const beside = externalFiles(await readFile(join(folder, weights.path)))
  const within = dirname(weights.path)
  return new Map([...beside].map(([name, bytes]) => [within === '.' ? name : `${within}/${name}`, bytes]))
}

function proofOf(listed: ReadonlyMap<string, FileProof>, path: string, { hub }: PullNeeds, model: HubModel): FileProof {
  const proof = listed.get(path)
  if (proof === undefined)
    throw new Fault('model_unsupported', { say: `${hubWord(model)} keeps weights in ${path}, which it does not have.` })
  if (proof.size > hub.limits.fileBytes) throw tooLarge(model, proof.size, hub.limits.fileBytes)
  return proof
}

function tooLarge(model: HubModel, bytes: number, most: number): Fault {
  const gigabytes = (n: number) => `${(n / 1e9).toFixed(1)} GB`
  return new Fault('model_unsupported', {
    say: `${hubWord(model)} has ${gigabytes(bytes)}; at most ${gigabytes(most)} are taken. Take a smaller model, or its quantised form (--quantized).`,
  })
}
