/** From what a model of others calls its labels to what they are called here. */
import { Fault } from '../../domain/faults.ts'

export interface MappedLabels {
  /** In the order in which the model has them; where several became one, at the place of the first. */
  readonly labels: readonly string[]
  /** [model's labels] what each is called here. */
  readonly names: readonly string[]
  /** [model's labels] the index into `labels` that each goes to; null where that is its own. */
  readonly groups: readonly number[] | null
}

/**
 * A label is called as the user's map says, else by its own name in lower case. Several may become one (`1 star` and
 * `2 stars` → `negative`): their probabilities are added.
 *
 * @param raw as config.json has them, in the order of the logits
 * @param map by the raw name; null where the user gave none
 * @throws model_unsupported where a name has no meaning (`LABEL_0`) and no mapping was given
 */
export function mapLabels(raw: readonly string[], map: Readonly<Record<string, string>> | null): MappedLabels {
  const strangers = Object.keys(map ?? {}).filter((name) => !raw.includes(name))
  if (strangers.length > 0)
    throw refused(`its labels are ${raw.join(', ')}; your map names ${strangers.join(', ')}, which is none of them`)
  const names = raw.map((name) => (map?.[name] ?? name.toLowerCase()).trim())
  const nameless = raw.filter((_, i) => /^label_\d+$|^$/.test(names[i]))
  if (nameless.length > 0)
    throw refused(
      `it calls its labels ${nameless.join(', ')}; say what they mean with a file: --labels FILE, ` +
        `or BAROMETER_SENTIMENT_LABELS, that holds for instance {"${nameless[0]}": "negative", …}`,
    )
  const labels = [...new Set(names)]
  if (labels.length < 2) throw refused(`it tells only one label from nothing: ${labels.join()}`)
  const groups = names.map((name) => labels.indexOf(name))
  return { labels, names, groups: labels.length === raw.length ? null : groups }
}

function refused(why: string): Fault {
  return new Fault('model_unsupported', { say: `The model cannot be used as it is: ${why}.` })
}
