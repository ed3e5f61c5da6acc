/** From a word (`hf:OWNER/NAME`, a folder) to a version in the registry. What was imported once is not imported again. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { hubModel, hubWord } from '../../domain/hubModel.ts'
import type { Version } from '../../domain/version.ts'
import { externalFiles } from '../../engine/onnx/decode.ts'
import { type RegisterNeeds, type Registration, register } from '../../loop/register.ts'
import { contentHash } from '../hub/contentHash.ts'
import { type Hub, hubLimits } from '../hub/hub.ts'
import type { ModelFiles } from '../hub/modelFiles.ts'
import { folderModel, type PullOptions, type PullProgress, pullModel } from '../hub/pullModel.ts'
import { type CalibrationRows, calibrateVersion } from './calibrateVersion.ts'
import { convertModel, IMPORT_RECIPE, type Origin, originOf } from './convertModel.ts'

export interface ImportRequest extends Pick<PullOptions, 'first'>, Registration {
  /** Weights of 8 bits: its own where it has them, else made of it here. */
  readonly quantised: boolean
  /** `hf:OWNER/NAME[@revision]`, or a folder. */
  readonly word: string
  /** Its name here; null: as it is called there. */
  readonly model: string | null
  /** Null: `sentiment` where its labels are those of a sentiment, else its name. */
  readonly task: string | null
  readonly labels: Readonly<Record<string, string>> | null
  readonly rows: CalibrationRows | null
}

export interface ImportNeeds extends RegisterNeeds {
  readonly hub: Hub
  /** The version of Barometer. */
  readonly engine: string
  readonly onProgress: (progress: PullProgress | { readonly texts: number; readonly textsTotal: number }) => void
  readonly onNotice: (words: string) => void
  readonly signal: AbortSignal
}

export interface Imported {
  readonly version: Version
  /** False where the registry had it. */
  readonly isNew: boolean
}

export async function importModel(asked: ImportRequest, needs: ImportNeeds): Promise<Imported> {
  const files = await filesOf(asked, needs)
  const model = asked.model ?? nameFrom(files.title)
  const content = files.commit === null ? await contentHash(files, { externalFiles }) : null
  const wanted = { ...asked, files, model, word: wordOf(asked.word), content }
  const { word, from, ...same } = originOf(wanted)
  // A folder is known by what is in it, whatever it is called and whatever was in it before.
  const known = await findImported(needs.store, { model, ...same, ...(content === null ? { word, from } : {}) })
  if (known !== null && asked.rows === null) return { version: known, isNew: false }
  const plain = await convertModel({ ...wanted, engine: needs.engine, createdAt: new Date(needs.now()).toISOString() })
  const { rows } = asked
  const artifact =
    rows === null
      ? plain
      : await calibrateVersion(plain, rows, {
          ...needs,
          onProgress: (texts) => needs.onProgress({ texts, textsTotal: rows.rows.length }),
        })
  return { version: await register(artifact, asked, needs), isNew: true }
}

/** One way to write each: `hf:a/b@main` is `hf:a/b`. */
export function wordOf(word: string): string {
  const model = hubModel(word)
  return model === null ? word : hubWord(model)
}

/** The newest version in the registry with this origin; null where there is none. */
export async function findImported(
  { registry }: RegisterNeeds['store'],
  origin: Partial<Origin> & { readonly model?: string },
): Promise<Version | null> {
  const { model, ...parameters } = origin
  const versions = await registry.models()
  return (
    versions.findLast(
      ({ manifest }) =>
        manifest.recipe.name === IMPORT_RECIPE &&
        (model === undefined || manifest.model === model) &&
        Object.entries(parameters).every(([key, value]) => manifest.recipe.parameters[key] === value),
    ) ?? null
  )
}

async function filesOf(asked: ImportRequest, needs: ImportNeeds): Promise<ModelFiles> {
  const model = hubModel(asked.word)
  const wanted = asked.quantised ? 'to-serve-quantised' : 'to-serve'
  if (model === null) return folderModel(asked.word, { wanted })
  return pullModel(model, { first: asked.first, wanted }, { ...needs, externalFiles })
}

/**
 * The files of a model of the Hub to learn from, wherever the weights come from; nothing is registered. With a checkpoint
 * even a model without a head, or with one for other labels, can be learnt on from.
 */
export async function fetchFiles(
  word: string,
  needs: Pick<ImportNeeds, 'hub' | 'onNotice' | 'signal'>,
): Promise<ModelFiles> {
  const model = hubModel(word)
  if (model === null) return folderModel(word, { wanted: 'to-learn' })
  const options = { wanted: 'to-learn', first: 'cache' } as const
  return pullModel(model, options, { ...needs, externalFiles, onProgress: () => undefined })
}

/** Where the Hub's models come from, by the settings. */
export function hubOf(config: Config): Hub {
  const cacheHome = config.cacheHome ?? join(homedir(), '.cache')
  return {
    endpoint: config.hubEndpoint,
    token: config.hubToken?.reveal() ?? null,
    cacheFolder: config.hubCache ?? join(config.hubHome ?? join(cacheHome, 'huggingface'), 'hub'),
    offline: config.hubOffline,
    limits: hubLimits,
  }
}

/** `hf:OWNER/Some.Name` → `some-name`, a name as models have them here. */
export function nameFrom(title: string): string {
  const last = title.split(/[/\\]/).findLast((part) => part !== '') ?? ''
  const name = last
    .toLowerCase()
    .replace(/^hf:/, '')
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)
  return name === '' ? 'adopted' : name
}
