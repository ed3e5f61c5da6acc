/** What every family of detectors offers once it is loaded: it takes samples as they come. */
import type { Millis } from '../../domain/time.ts'
import type { DetectorForm } from './detectorForm.ts'

export interface NodeSample {
  readonly node: string
  readonly at: Millis
  /** By name; what is absent or not a number was not measured. Names that the model does not know are left aside. */
  readonly metrics: Readonly<Record<string, number | null | undefined>>
}

export type NodeScore =
  | { readonly kind: 'scored'; readonly logit: number; readonly probability: number; readonly anomalous: boolean }
  /** The node has sent `samples` of the `of` that the model needs before its word counts. */
  | { readonly kind: 'learning'; readonly samples: number; readonly of: number }
  /** Not later than the node's sample before: it comes too late to be scored as it happens. */
  | { readonly kind: 'late' }

export interface Detector {
  readonly form: DetectorForm
  /** Nodes that it holds a state of. */
  readonly nodes: number
  /** [samples] in their order; several of one node are taken one after the other. */
  step(samples: readonly NodeSample[]): Promise<NodeScore[]>
  forget(node: string): void
  close(): Promise<void>
}
