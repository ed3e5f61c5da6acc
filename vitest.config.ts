import { defineConfig } from 'vitest/config'

/** What starts servers, databases and browsers, or measures time. */
const WHOLE = ['server/test/{contracts,scenarios,e2e}/**/*.test.ts', 'deploy/**/*.test.ts']
/** Of these, what measures neither time nor memory: two files run side by side. */
const SIDE_BY_SIDE = [
  'server/test/contracts/{store,trainingRuns}.test.ts',
  'server/test/scenarios/{access,accessTexts,openapi,parameters,trainingRuns,way}.test.ts',
]

/**
 * Three groups. `unit` is everything that lies beside the code, in parallel. `pairs` comes after it, two files at a time,
 * and then `whole`, one file at a time.
 *
 * Processes, not threads, carry the tests: what is tested starts worker threads of its own, and a process that a
 * test leaves in disorder ends with it.
 */
export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    // A test writes to the terminal only when it fails.
    silent: 'passed-only',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.{ts,tsx}'],
          exclude: ['**/node_modules/**', '**/dist/**', ...WHOLE],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'pairs',
          include: SIDE_BY_SIDE,
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: WHOLE,
          exclude: ['**/node_modules/**', ...SIDE_BY_SIDE],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
