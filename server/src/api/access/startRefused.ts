/** A reason not to start that a person can remove: the sentence says which, and how. The command line prints it alone. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
}
