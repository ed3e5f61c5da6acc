/** What the thread that makes integrated gradients and its owner say to each other. Plain data. */
import type { FaultCode } from '../../domain/faults.ts'
import type { ModelSource } from '../serve/messages.ts'
import type { Attribution } from './integratedGradients.ts'

export interface GradientThreadData {
  readonly source: ModelSource
  readonly maxLength: number
  readonly padId: number
  /** That share each operator. */
  readonly threads: number
}

export type ToGradientThread =
  | { readonly kind: 'attribute'; readonly id: number; readonly ids: Int32Array; readonly baseline: Int32Array }
  /** Its caller is gone. */
  | { readonly kind: 'drop'; readonly id: number }
  /** Ends the thread between two runs. */
  | { readonly kind: 'end' }

export type FromGradientThread =
  | { readonly kind: 'opened'; readonly labels: number }
  /** The model has no gradients; the thread ends. */
  | { readonly kind: 'not-opened'; readonly code: FaultCode; readonly why: string }
  | { readonly kind: 'attributed'; readonly id: number; readonly attribution: Attribution }
  | { readonly kind: 'not-attributed'; readonly id: number; readonly why: string }
