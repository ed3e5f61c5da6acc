/** Which files of a repository are needed to serve its model; the rest is never fetched. */
import { Fault } from '../../domain/faults.ts'
import type { ChosenFiles, ChosenTokenizer, ChosenWeights } from './modelFiles.ts'

const PLAIN = ['onnx/model.onnx', 'model.onnx']
/** As Optimum, Transformers.js and Sentence Transformers name them. */
const QUANTISED = [
  /^(?:onnx\/)?model_quantized\.onnx$/,
  /^(?:onnx\/)?model_q?int8\.onnx$/,
  /^(?:onnx\/)?model_q?uint8\.onnx$/,
  /^(?:onnx\/)?model_qu?int8_\w+\.onnx$/,
]
/** Formats that run code when they are opened. */
const PICKLES = /\.(?:bin|pt|pth|ckpt|pkl|pickle|joblib)$/

/** What is wanted most of several weights: to serve in 32 or 8 bits an export, to learn from a checkpoint with its names. */
export type WantedWeights = 'to-serve' | 'to-serve-quantised' | 'to-learn'

/**
 * @param title as a person writes the model, for messages
 * @param wanted where there is none of that kind, the next best is taken
 */
export function chooseFiles(title: string, paths: readonly string[], wanted: WantedWeights): ChosenFiles {
  const has = new Set(paths)
  const present = (path: string): string | null => (has.has(path) ? path : null)
  const config = present('config.json')
  if (config === null) throw unusable(`${title} has no config.json, so it is no model of the transformers library`)
  return {
    config,
    card: present('README.md'),
    weights: chooseWeights(title, paths, has, wanted),
    tokenizer: chooseTokenizer(title, has, present('tokenizer_config.json')),
  }
}

function chooseWeights(
  title: string,
  paths: readonly string[],
  has: ReadonlySet<string>,
  wanted: WantedWeights,
): ChosenWeights {
  const plain = PLAIN.find((path) => has.has(path))
  const small = QUANTISED.map((pattern) => paths.find((path) => pattern.test(path))).find((path) => path !== undefined)
  const kinds: Readonly<Record<'plain' | 'small' | 'checkpoint', ChosenWeights | null>> = {
    plain: plain === undefined ? null : { kind: 'onnx', path: plain, quantised: false },
    small: small === undefined ? null : { kind: 'onnx', path: small, quantised: true },
    checkpoint: has.has('model.safetensors') ? { kind: 'safetensors', path: 'model.safetensors' } : null,
  }
  const order = {
    'to-serve': ['plain', 'checkpoint', 'small'],
    'to-serve-quantised': ['small', 'plain', 'checkpoint'],
    'to-learn': ['checkpoint', 'plain', 'small'],
  } as const
  for (const kind of order[wanted]) {
    const weights = kinds[kind]
    if (weights !== null) return weights
  }
  throw noWeights(title, paths)
}

/** Whether there can be nothing better elsewhere. */
export function isWanted(weights: ChosenWeights, wanted: WantedWeights): boolean {
  switch (wanted) {
    case 'to-serve':
      return weights.kind === 'safetensors' || !weights.quantised
    case 'to-serve-quantised':
      return weights.kind === 'onnx' && weights.quantised
    case 'to-learn':
      return weights.kind === 'safetensors'
    default:
      return wanted satisfies never
  }
}

function noWeights(title: string, paths: readonly string[]): Fault {
  const name = title.replace(/^hf:/, '').replace(/@.*/, '')
  const exported = `export it on a machine with Python (optimum-cli export onnx --model ${name} FOLDER), then: barometer pull ./FOLDER`
  if (paths.includes('model.safetensors.index.json'))
    return unusable(`${title} has its weights in several files, which is more than a CPU serves; take a smaller model`)
  const pickle = paths.find((path) => PICKLES.test(path))
  if (pickle !== undefined)
    return unusable(
      `${title} has its weights as a pickle only (${pickle}), a format that can run code when it is opened, so it is never opened here; ` +
        `let https://huggingface.co/spaces/safetensors/convert make a safetensors revision and pull that (…@refs/pr/N), or ${exported}`,
    )
  return unusable(`${title} has neither model.onnx nor model.safetensors; ${exported}`)
}

function chooseTokenizer(title: string, has: ReadonlySet<string>, settings: string | null): ChosenTokenizer {
  if (has.has('tokenizer.json')) return { kind: 'json', path: 'tokenizer.json', settings }
  if (has.has('vocab.txt')) return { kind: 'word-pieces', vocabulary: 'vocab.txt', settings }
  if (has.has('vocab.json') && has.has('merges.txt'))
    return { kind: 'byte-pairs', vocabulary: 'vocab.json', merges: 'merges.txt', settings }
  throw unusable(
    `${title} has no tokenizer.json, and none can be made of what it has; with Python: ` +
      `AutoTokenizer.from_pretrained("${title.replace(/^hf:/, '').replace(/@.*/, '')}").save_pretrained("FOLDER") writes one`,
  )
}

function unusable(say: string): Fault {
  return new Fault('model_unsupported', { say: `${say}.` })
}
