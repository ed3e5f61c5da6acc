/** A model on the Hugging Face Hub, or on a mirror of it, at one revision. */
export interface HubModel {
  /** `OWNER/NAME`. */
  readonly repository: string
  /** A branch, a tag or a commit; `main` where nothing else is said. */
  readonly revision: string
}

/** As the Hub itself allows them: letters, digits, `-`, `_` and `.`, not at the ends, and no `--` or `..`. */
const NAME = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/
/** No segment of dots, nothing that a path or an address would read as something else. */
const REVISION = /^(?!\.)(?!.*(?:\.\.|\/\.|\/\/|\/$))[A-Za-z0-9._/+-]{1,200}$/
const COMMIT = /^[0-9a-f]{40}$/

/** Reads `hf:OWNER/NAME[@revision]`; null for any other form. */
export function hubModel(word: string): HubModel | null {
  const parts = /^hf:([^/@]+)\/([^/@]+)(?:@(.+))?$/.exec(word)
  if (parts === null) return null
  const [, owner, name, revision = 'main'] = parts
  if (!NAME.test(owner) || !NAME.test(name) || !REVISION.test(revision)) return null
  return { repository: `${owner}/${name}`, revision }
}

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision)
}

/** As a person writes it. */
export function hubWord({ repository, revision }: HubModel): string {
  return revision === 'main' ? `hf:${repository}` : `hf:${repository}@${revision}`
}
