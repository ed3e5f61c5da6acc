/**
 * The one line of configuration that says what serves a task: BAROMETER_SENTIMENT_MODEL.
 *
 * It is a decision like any other, made once: where it changes, the version that it names is put into production, with an
 * event that says so. What people or the loop decide later stays, until the setting says something else.
 */
import type { Config } from '../../config.ts'
import { Fault } from '../../domain/faults.ts'
import { hubModel } from '../../domain/hubModel.ts'
import type { StageEvent, Version } from '../../domain/version.ts'
import { type LoadVersion, promote } from '../../loop/promote.ts'
import { findImported, hubOf, type ImportNeeds, importModel, wordOf } from './importModel.ts'
import { readLabelsFile } from './labelsFile.ts'

export type SettingNeeds = Omit<ImportNeeds, 'hub'> & {
  readonly load: LoadVersion
  /** The version of the box's model for the task. */
  readonly starter: (task: string) => Promise<Version | null>
}

export type Applied =
  | { readonly kind: 'nothing-asked' }
  | { readonly kind: 'promoted' | 'in-production' | 'decided-since'; readonly version: Version }

const TASK = 'sentiment'
const WHO = 'setting'
const EVENTS = 1000

export async function applySetting(config: Config, needs: SettingNeeds): Promise<Applied> {
  const { sentimentModel: word } = config
  if (word === null) return { kind: 'nothing-asked' }
  const { registry } = needs.store
  const last = await lastBySetting(registry)
  const why = `BAROMETER_SENTIMENT_MODEL=${word}`
  const version = await versionOf(word, why, config, needs)
  const { model, version: number } = version
  if (last !== null && last.model === model && last.version === number && last.why === why) {
    const serving = (await registry.production()).get(TASK)
    const isServing = serving?.model === model && serving.version === number
    return { kind: isServing ? 'in-production' : 'decided-since', version }
  }
  try {
    await promote(version, { who: WHO, why }, { ...needs, registry })
  } catch (error) {
    // It is there already, or another replica that starts at the same time was first.
    if (!(error instanceof Fault && error.code === 'stage_conflict')) throw error
    return { kind: 'in-production', version }
  }
  return { kind: 'promoted', version }
}

async function lastBySetting(registry: SettingNeeds['store']['registry']): Promise<StageEvent | null> {
  let last: StageEvent | null = null
  let afterSeq = 0
  for (;;) {
    const events = await registry.events({ afterSeq, limit: EVENTS })
    for (const event of events) if (event.who === WHO && event.task === TASK && event.to === 'production') last = event
    const newest = events.at(-1)
    if (newest === undefined || events.length < EVENTS) return last
    afterSeq = newest.seq
  }
}

async function versionOf(word: string, why: string, config: Config, needs: SettingNeeds): Promise<Version> {
  const { registry } = needs.store
  if (word === 'starter') {
    const version = await needs.starter(TASK)
    if (version !== null) return version
    throw new Fault('version_unknown', { say: `There is no model in the box for ${TASK}, which ${why} asks for.` })
  }
  if (hubModel(word) !== null) return await fromHub(word, why, config, needs)
  const [name, number] = word.split('@')
  const version = await registry.get(name, Number(number))
  if (version === null) throw new Fault('version_unknown', { say: `There is no ${word}, which ${why} asks for.` })
  if (version.task !== TASK)
    throw new Fault('version_unknown', { say: `${word}, which ${why} asks for, is for the task ${version.task}.` })
  return version
}

/** What was imported for this very word is taken from the registry, so that a restart needs neither hub nor cache. */
async function fromHub(word: string, why: string, config: Config, needs: SettingNeeds): Promise<Version> {
  const labels = await readLabelsFile(config.sentimentLabels)
  const quantised = config.sentimentQuantised
  const known = await findImported(needs.store, {
    word: wordOf(word),
    quantised,
    labels: labels === null ? '' : JSON.stringify(labels),
  })
  if (known !== null && known.task === TASK) return known
  const asked = { word, model: null, task: TASK, labels, rows: null, quantised, first: 'cache' as const }
  return (await importModel({ ...asked, who: WHO, why }, { ...needs, hub: hubOf(config) })).version
}
