/**
 * The peers: FastAPI + uvicorn + scikit-learn, one process each, as the folder BAROMETER_PEERS has them.
 *
 * `stock` calls the vectoriser and the classifier as their documentation says: what people deploy. `folded` is the same
 * model with idf and coefficients folded into one table: what a good engineer makes of it after profiling. Both write
 * their log to a file and do not wait for it.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRecord } from './barometer.ts'
import type { Subject } from './subject.ts'

export const peerNames = ['stock', 'folded'] as const
export type PeerName = (typeof peerNames)[number]

/** uvicorn's fastest event loop and parser, and no line of its own for each request. */
export const UVICORN = '--loop uvloop --http httptools --no-access-log --log-level warning'

/** @param python an interpreter that has the peers' packages. */
export function peer(name: PeerName, peersFolder: string, dataFolder: string, python: string): Subject {
  const folder = join(peersFolder, 'p1_tfidf')
  return {
    name,
    command: python,
    args: `-m uvicorn main:app --host 127.0.0.1 --port {port} ${UVICORN}`.split(' ').concat('--app-dir', folder),
    environment: {
      P1_DIR: trained(folder, dataFolder, python),
      P1_LOG: join(tmpdir(), `barometer-bench-${name}-${process.pid}.log`),
      P1_SCORER: name,
      P1_MODE: 'async',
      PYTHONDONTWRITEBYTECODE: '1',
    },
    readyPath: '/health',
    versions: versionsOf(python),
    judge(answer) {
      if (!isRecord(answer)) return 'no object'
      const { sentiment, confidence, drift } = answer
      if (sentiment !== 'positive' && sentiment !== 'negative') return 'sentiment'
      if (typeof confidence !== 'number' || !(confidence >= 0.5 && confidence <= 1)) return 'confidence'
      if (!isRecord(drift) || typeof drift['drift'] !== 'boolean') return 'drift'
      return { label: sentiment, confidence }
    },
  }
}

/** Trains the peers' model once for an interpreter; its pickles do not pass between versions of scikit-learn. */
function trained(folder: string, dataFolder: string, python: string): string {
  const versions = JSON.stringify(versionsOf(python))
  const digest = createHash('sha256').update(`${dataFolder}\n${python}\n${versions}`).digest('hex').slice(0, 16)
  const out = join(tmpdir(), `barometer-bench-peers-${digest}`)
  if (!existsSync(join(out, 'baseline.json'))) {
    process.stderr.write(`Training the peers' model with ${python} …\n`)
    mkdirSync(out, { recursive: true })
    execFileSync(python, [join(folder, 'train.py'), out, dataFolder], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
  }
  return out
}

const PACKAGES = ['fastapi', 'uvicorn', 'uvloop', 'httptools', 'pydantic', 'scikit-learn', 'numpy']

const known = new Map<string, Readonly<Record<string, string>>>()

export function versionsOf(python: string, packages = PACKAGES): Readonly<Record<string, string>> {
  const key = `${python} ${packages.join(' ')}`
  let versions = known.get(key)
  if (versions === undefined) {
    const script =
      'import json, platform, sys; from importlib.metadata import version\n' +
      'print(json.dumps({"python": platform.python_version(), **{p: version(p) for p in sys.argv[1:]}}))'
    const found: Record<string, string> = JSON.parse(
      execFileSync(python, ['-c', script, ...packages], { encoding: 'utf8' }),
    )
    versions = found
    known.set(key, found)
  }
  return versions
}
