/**
 * The one gate to production, whoever asks: the API, the command line, an import, the setting, the models in the box, a
 * training run. A version that has not shown here that it loads and answers does not get in.
 */
import { Fault } from '../domain/faults.ts'
import type { Millis } from '../domain/time.ts'
import type { StageEvent, Version, VersionName } from '../domain/version.ts'
import type { ServedModel } from '../models/servedModel.ts'
import type { Scored } from '../models/textModel.ts'
import type { Registry } from '../store/store.ts'
import { fetchArtifact, type ImportNeeds } from '../versions/artifacts/fetchArtifact.ts'
import { type OpenModel, openArtifact } from '../versions/artifacts/loadArtifact.ts'

export interface PromoteNeeds {
  readonly registry: Pick<Registry, 'get' | 'models' | 'promote' | 'rollBack' | 'rollBackTargets'>
  readonly load: LoadVersion
  readonly now: () => Millis
}

/** Loads a version for as long as it is held. */
export type LoadVersion = (version: Version) => Promise<{ readonly served: ServedModel } & AsyncDisposable>

export interface Reason {
  readonly who: string
  readonly why: string
}

/** Texts as models are asked for: of people, and of machines. */
const PROBES = {
  text: 'The battery died after two days, but support was lovely.',
  logLine: 'Dec 10 06:55:46 gateway sshd[24200]: Connection closed by 192.0.2.7 [preauth]',
}
/** Names a node that no agent can have. */
const PROBE_NODE = ' probe'
const PROBE_MS = 60_000
/** Probabilities are sums of floats of 32 bits. */
const SUM_TOLERANCE = 1e-3

/** @returns the event: from which version to which, by whom and why */
export async function promote(
  { model, version }: VersionName,
  { who, why }: Reason,
  needs: PromoteNeeds,
): Promise<StageEvent> {
  const next = await needs.registry.get(model, version)
  if (next === null) throw new Fault('version_unknown', { say: `There is no ${model}@${version}.` })
  if (next.stage === 'production')
    throw new Fault('stage_conflict', { say: `${model}@${version} is in production already.` })
  await prove(next, needs.load)
  return needs.registry.promote({ model, version, who, why, at: needs.now() })
}

/** The version that was in production before the model's present one takes its place again, if it still answers. */
export async function rollBack(model: string, { who, why }: Reason, needs: PromoteNeeds): Promise<StageEvent> {
  const present = (await needs.registry.models()).filter((version) => version.model === model)
  if (present.length === 0) throw new Fault('model_unknown', { say: `There is no model “${model}”.` })
  const serving = present.find(({ stage }) => stage === 'production')
  if (serving === undefined) throw new Fault('stage_conflict', { say: `No version of “${model}” is in production.` })
  const to = (await needs.registry.rollBackTargets()).get(serving.task)
  if (to === undefined)
    throw new Fault('stage_conflict', { say: `There was no production version before ${model}@${serving.version}.` })
  await prove(to, needs.load)
  return needs.registry.rollBack({ model, to, who, why, at: needs.now() })
}

/** For processes that serve nothing: loads a version, and closes it after its proof. */
export function loadOnce(needs: ImportNeeds & { readonly open: OpenModel }): LoadVersion {
  return async ({ digest }) => {
    const served = await openArtifact(await fetchArtifact(digest, needs), needs.open)
    return { served, [Symbol.asyncDispose]: () => served.close() }
  }
}

async function prove(version: Version, load: LoadVersion): Promise<void> {
  await using loaded = await load(version)
  const { served } = loaded
  const probe = version.manifest.kind === 'severity' ? PROBES.logLine : PROBES.text
  switch (served.kind) {
    case 'text':
      return requireAnswer(version, served.model.score(probe))
    case 'queued-text':
      return requireAnswer(version, await served.model.submit(probe, { deadlineMs: PROBE_MS }))
    case 'detector': {
      const [score] = await served.detector.step([{ node: PROBE_NODE, at: 0, metrics: {} }])
      served.detector.forget(PROBE_NODE)
      if (score?.kind === 'learning' || (score?.kind === 'scored' && isShare(score.probability))) return
      throw noAnswer(version)
    }
    default:
      return served satisfies never
  }
}

function requireAnswer(version: Version, { label, probabilities }: Scored): void {
  const { labels } = version.manifest
  let sum = 0
  for (const p of probabilities) sum += isShare(p) ? p : Number.NaN
  const isWhole = probabilities.length === labels.length && Math.abs(sum - 1) <= SUM_TOLERANCE
  if (!isWhole || labels[label] === undefined) throw noAnswer(version)
}

function isShare(p: number): boolean {
  return p >= 0 && p <= 1
}

function noAnswer({ model, version }: Version): Fault {
  return new Fault('artifact_broken', { say: `${model}@${version} loads, but its answer to a text is no probability.` })
}
