import { configDefaults, defineConfig } from 'vitest/config';

/** What `npm test` leaves out: `--wide` runs the first, as CI does, `npm run test:long` both. */
const long = process.env.SLIPWAY_LONG === '1';
const wide = long || process.env.SLIPWAY_WIDE === '1';
const left = [...(wide ? [] : ['test/**/*.wide.test.ts']), ...(long ? [] : ['test/**/*.long.test.ts'])];
const exclude = [...configDefaults.exclude, ...left];

/** Folders whose tests call our modules, and need none of the services that the others start. */
const calls = [
  ...['test/contract/**', 'test/delta', 'test/delta/{approximate,flate,go,recipe,vcdiff}/**'],
  ...['test/packager/{release,repository}/**', 'test/edge-updater/update/**'],
  'test/delta/make/**',
  'test/system/{command-line,documents,files,network,signing}/**',
  ...[
    'test/packager/{publish,verify}/**',
    'test/edge-updater/{adoption,box,bundle,download,health,preflight,trust}/**',
  ],
  'test/edge-updater/adapters/{datastore,disk,network}/**',
  'test/distributor/{catalog,declaration,events,fleet,fleet/identity,http,rollout,routes,simulation}/**',
].map((folder) => `${folder}/*.test.ts`);

export default defineConfig({
  test: {
    // An end for what hangs, far behind what a busy machine takes.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // For two cores: the journeys start programs of their own, and wait for them.
    maxWorkers: 4,
    // Tests leave nothing behind: a worker loads the modules once for all of its files.
    isolate: false,
    projects: [
      { extends: true, test: { name: 'calls', include: calls, exclude } },
      {
        extends: true,
        test: {
          name: 'programs',
          include: ['test/**/*.test.ts'],
          exclude: [...exclude, ...calls],
          globalSetup: ['test/services/global-setup.ts'],
        },
      },
    ],
  },
});
