import { configDefaults, defineConfig } from 'vitest/config';

/** Long matrices run only when asked: `npm run test:long`, or a file named on the command line with SLIPWAY_LONG=1. */
const long = process.env.SLIPWAY_LONG === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(long ? [] : ['test/**/*.long.test.ts'])],
    globalSetup: ['test/services/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: the journeys start programs of their own.
    maxWorkers: 2,
  },
});
