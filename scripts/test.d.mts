/** The types of test.mjs, which is plain JavaScript. */
interface Report {
  readonly testResults: readonly {
    readonly status: 'passed' | 'failed'
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

export interface Result {
  readonly ok: boolean
  readonly line: string
}

export function runTests(args: readonly string[]): Promise<Result>
export function judge(report: Report | null, code: number): Result
