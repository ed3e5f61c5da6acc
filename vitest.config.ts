import { defineConfig } from 'vitest/config'

/**
 * Two groups. `unit` is everything that lies beside the code, in parallel. `whole` starts servers, databases and
 * browsers and measures time, so it runs after that, one file at a time.
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
          include: [
            '{wire,web,server}/src/**/*.test.{ts,tsx}',
            'server/test/{tooling,golden}/**/*.test.ts',
            'server/bench/**/*.test.ts',
            'scripts/**/*.test.ts',
            'starter/**/*.test.ts',
          ],
          maxWorkers: 2,
          testTimeout: 20_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['server/test/{contracts,scenarios,e2e}/**/*.test.ts', 'deploy/**/*.test.ts'],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
