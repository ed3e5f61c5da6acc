/** card.md of a model of others: what is known, and what is not. */

import type { ModelConfig } from '../../engine/import/modelConfig.ts'
import type { ConvertRequest } from './convertModel.ts'

export interface ImportedCard {
  readonly asked: ConvertRequest
  readonly config: ModelConfig
  readonly licence: string | null
  readonly served: { readonly precision: 'fp32' | 'int8'; readonly quantisedHere: boolean }
  readonly maxLength: number
  /** [model's labels] what each is called here. */
  readonly names: readonly string[]
}

export function importedCard({ asked, config, licence, served, maxLength, names }: ImportedCard): string {
  const { files, model } = asked
  const { weights, tokenizer } = files.chosen
  const where = files.title.startsWith('hf:')
    ? `[${files.title}](https://huggingface.co/${files.title.slice(3)}), commit \`${files.commit ?? ''}\``
    : `the folder \`${files.title}\``
  const origin = {
    json: 'as it came',
    'word-pieces': `made from its ${tokenizer.kind === 'word-pieces' ? tokenizer.vocabulary : ''}`,
    'byte-pairs': 'made from its vocab.json and merges.txt',
  }[tokenizer.kind]
  return `# ${model}

Imported from ${where}. Others made and trained it; what it was trained on, and how good it is, stands in its own card there.

| | |
|---|---|
| family | ${config.family} |
| weights | ${weights.path}, ${served.precision}${served.quantisedHere ? ' (made of it here: u8 activations × s8 weights, per column)' : ''} |
| tokenizer | ${origin} |
| longest text | ${maxLength} tokens; of a longer one the beginning is read |
| terms | ${licence ?? 'not stated in its card'} |

## Labels

${config.labels.map((raw, i) => `- \`${raw}\` is called **${names[i]}** here`).join('\n')}

## What is not known

- **How good it is on your texts.** Nothing was measured here unless an evaluation is listed with this version:
  \`barometer evaluate --data rows.csv --model ${model}\`.
${
  served.quantisedHere
    ? `- **What the 8 bits cost.** Pull it without \`--quantized\` under another name and hold both to the same rows: \`barometer evaluate\`.
`
    : ''
}- **Whether its probabilities can be taken at their word.** Unless it was pulled with \`--calibrate\`, its temperature is 1.
- **What usual traffic looks like to it.** It has no reference, since one that was made from other texts than yours would
  call your first day a drift. \`--calibrate\` freezes one from your rows.
`
}
