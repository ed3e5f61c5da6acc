/** What a tokenizer makes of a text. */

export interface Encoding {
  /** [tokens] with the special tokens around them. */
  readonly ids: Int32Array
  /** [tokens] which segment a token belongs to; 0 nearly everywhere. */
  readonly typeIds: Int32Array
  /**
   * [tokens] the stretch of the text that a token stands for, in UTF-16 code units, `ends` exclusive; ascending. Empty
   * for special tokens.
   */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** How many tokens are of the text, not around it. */
  readonly tokens: number
  /** How many of those stand for something that the vocabulary does not know. */
  readonly unknown: number
  /** True where the text has more tokens than were kept. */
  readonly truncated: boolean
}

/** Tokens as they are found; grows as it must, and is used again for the next text. */
export class TokenBuffer {
  ids = new Int32Array(1024)
  starts = new Int32Array(1024)
  ends = new Int32Array(1024)
  length = 0
  /** No more than this is worth finding. */
  wanted = Number.POSITIVE_INFINITY

  clear(wanted: number): void {
    this.length = 0
    this.wanted = wanted
  }

  get isFull(): boolean {
    return this.length >= this.wanted
  }

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.#grow()
    this.ids[this.length] = id
    this.starts[this.length] = start
    this.ends[this.length++] = end
  }

  #grow(): void {
    const grown = (values: Int32Array<ArrayBuffer>) => {
      const larger = new Int32Array(2 * values.length)
      larger.set(values)
      return larger
    }
    this.ids = grown(this.ids)
    this.starts = grown(this.starts)
    this.ends = grown(this.ends)
  }
}
