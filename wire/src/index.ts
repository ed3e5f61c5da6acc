/** Every byte that crosses a process, as TypeBox schemas and the types that they define. */
export * from './common.ts'
export * from './models.ts'
export * from './parameters.ts'
export * from './predict.ts'
export * from './predictions.ts'
export * from './service.ts'
export * from './trainingRuns.ts'
