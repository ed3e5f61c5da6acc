/** Which files of a repository are needed to serve its model; the rest is never fetched. */
import { Fault } from '../domain/faults.ts'
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

/**
 * @param title as a person writes the model, for messages
 * @param quantised whether a quantised file is preferred; where there is none, the plain one is taken
 */
export function chooseFiles(title: string, paths: readonly string[], quantised: boolean): ChosenFiles {
  const has = new Set(paths)
  const present = (path: string): string | null => (has.has(path) ? path : null)
  const config = present('config.json')
  if (config === null) throw unusable(`${title} has no config.json, so it is no model of the transformers library`)
  return {
    config,
    card: present('README.md'),
    weights: chooseWeights(title, paths, has, quantised),
    tokenizer: chooseTokenizer(title, has, present('tokenizer_config.json')),
  }
}

function chooseWeights(
  title: string,
  paths: readonly string[],
  has: ReadonlySet<string>,
  quantised: boolean,
): ChosenWeights {
  if (quantised)
    for (const pattern of QUANTISED) {
      const path = paths.find((one) => pattern.test(one))
      if (path !== undefined) return { kind: 'onnx', path, quantised: true }
    }
  const plain = PLAIN.find((path) => has.has(path))
  if (plain !== undefined) return { kind: 'onnx', path: plain, quantised: false }
  if (has.has('model.safetensors')) return { kind: 'safetensors', path: 'model.safetensors' }
  for (const pattern of QUANTISED) {
    const path = paths.find((one) => pattern.test(one))
    if (path !== undefined) return { kind: 'onnx', path, quantised: true }
  }
  throw noWeights(title, paths)
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
