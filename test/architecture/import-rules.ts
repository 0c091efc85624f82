/** Holds the import rules of ARCHITECTURE.md: each is a pure function that returns what is wrong with one file. */
import type { Import, SourceFile } from './source-file.ts';

export type Rule = (file: SourceFile, all: ReadonlyMap<string, SourceFile>) => string[];

export const programs = ['packager', 'distributor', 'edge-updater'];

/** What programs may share: the contract alone, files and deltas, and the machine that a program runs on. */
const libraries = ['contract', 'delta', 'system'];

/** Which top folders each top folder may import from. Folders that are not named here may import no folder of ours. */
const layers: Readonly<Record<string, readonly string[]>> = {
  contract: ['contract'],
  delta: ['delta', 'contract'],
  system: ['system', 'contract'],
  packager: ['packager', ...libraries],
  distributor: ['distributor', ...libraries],
  'edge-updater': ['edge-updater', ...libraries],
  infra: ['infra', 'contract', 'system'],
  test: ['test', 'infra', ...libraries, ...programs],
};

/** Programs import the libraries and nothing sideways; infra starts programs but imports none; nothing imports test. */
export const staysInItsLayer: Rule = (file) => {
  const allowed = layers[topOf(file.path)] ?? [];
  return file.imports
    .filter((found) => isOurs(found) && !allowed.includes(topOf(found.target)))
    .map((found) => `${file.path} imports ${found.target}: ${topOf(file.path)} may not import ${topOf(found.target)}`);
};

/** The encoding end needs memory and time that a device does not have: neither a device nor the decoding end loads it. */
export const decodersLoadNoEncoder: Rule = (file) => {
  const isDecoding = topOf(file.path) === 'edge-updater' || (topOf(file.path) === 'delta' && !isEncoding(file.path));
  if (!isDecoding) return [];
  return file.imports
    .filter((found) => isEncoding(found.target))
    .map((found) => `${file.path} imports ${found.target}: the encoding end is for publishers`);
};

function isEncoding(path: string): boolean {
  return path.startsWith('delta/make/');
}

/** Where a program chooses its adapters: a verb that is a program of its own has a file beside main.ts. */
const mains = /^[a-z-]+\/([a-z]+-)?main\.ts$/;
/** What several programs of one machine choose alike. */
const wirings = /^[a-z-]+\/wiring\//;

/** What a program may know of a store; the rest of that folder are adapters. */
const storePorts = ['reader', 'writer', 'object-stream', 'store-url'].map((name) => `system/store/${name}.ts`);

/** Adapters are chosen in one place: only main.ts of the same program, or another adapter of it, imports one. */
export const onlyMainImportsAdapters: Rule = (file) => {
  const top = topOf(file.path);
  if (
    top === 'test' ||
    top === 'system' ||
    mains.test(file.path) ||
    wirings.test(file.path) ||
    file.path.startsWith(`${top}/adapters/`)
  )
    return [];
  return file.imports
    .filter((found) => isOurs(found) && (isAdapter(found.target) || (isDevice(file) && isDurableFile(found.target))))
    .map((found) => `${file.path} imports the adapter ${found.target}: only ${top}/main.ts may`);
};

function isAdapter(path: string): boolean {
  if (path.startsWith('system/network/agent-')) return true;
  return path.split('/').includes('adapters') || (path.startsWith('system/store/') && !storePorts.includes(path));
}

/** On a device every change of a file is an adapter's: what it keeps has to outlast a power cut. */
function isDurableFile(path: string): boolean {
  return path.startsWith('system/files/durable-file');
}

function isDevice({ path }: SourceFile): boolean {
  return topOf(path) === 'edge-updater';
}

/** Runs in a thread of its own, started by its path: it has the online key, and writes snapshot and timestamp. */
const signingThread = 'distributor/adapters/online-signing/signing-thread.ts';

/**
 * Whoever serves releases cannot change one: the distributor reaches nothing that writes a store, not even its type, but
 * for the thread that signs, which nothing loads.
 */
export const distributorOnlyReads: Rule = (file, all) => {
  if (topOf(file.path) !== 'distributor' || file.path === signingThread) return [];
  const loads = valueImports(file).filter(({ target }) => target === signingThread);
  if (loads.length > 0) return [`${file.path} loads ${signingThread}: start it as a thread`];
  const reached = new Set([file]);
  for (const each of reached) {
    for (const { target } of each.imports) {
      const next = target.startsWith('system/') ? all.get(target) : undefined;
      if (next) reached.add(next);
    }
  }
  return [...reached].flatMap((each) =>
    each.imports
      .filter((found) => /^system\/store\/.*writer\.ts$/.test(found.target))
      .map((found) => `${file.path} reaches ${found.target}${each === file ? '' : ` through ${each.path}`}`),
  );
};

/** A folder that only decides says so itself: with a file of this name, for all that is below it. */
export const pureMark = 'pure.md';

/** Deciding code reaches no `node:*` module, neither itself nor through files of its program, and reads no clock. */
export const decidesPurely =
  (pureFolders: readonly string[]): Rule =>
  (file, all) => {
    if (!pureFolders.some((folder) => file.path.startsWith(`${folder}/`))) return [];
    const clocks = file.impurities.map((name) => `${file.path} reads ${name}: pass it in as a value`);
    const modules = reachableInProgram(file, all).flatMap((reached) =>
      valueImports(reached)
        .filter((found) => found.target.startsWith('node:'))
        .map((found) => `${file.path} reaches ${found.target}${reached === file ? '' : ` through ${reached.path}`}`),
    );
    return [...clocks, ...modules];
  };

/** The file and what it loads from its own program, directly or not; types are not loaded. */
function reachableInProgram(start: SourceFile, all: ReadonlyMap<string, SourceFile>): SourceFile[] {
  const reached = new Set([start]);
  for (const file of reached) {
    for (const found of valueImports(file)) {
      const next = topOf(found.target) === topOf(start.path) ? all.get(found.target) : undefined;
      if (next) reached.add(next);
    }
  }
  return [...reached];
}

const contractPackages = ['zod', 'semver', 'canonicalize', '@tufjs/models', 'node:crypto'];
/** The parts of tuf-js that verify bytes; its updater and fetcher read disks and networks. */
const contractModules = /^tuf-js\/dist\/(store|error)(\.js|\/|$)/;

/** The contract has no file system, no network, no clock and no chance; types of other packages count too. */
export const contractStandsAlone: Rule = (file) => {
  if (topOf(file.path) !== 'contract') return [];
  const packages = file.imports
    .filter((found) => !isOurs(found))
    .filter((found) => !contractPackages.includes(packageOf(found.target)) && !contractModules.test(found.target))
    .map((found) => `${file.path} imports ${found.target}: not on the contract's list`);
  return [...packages, ...impuritiesOf(file)];
};

const decoderPackages = ['zod', 'node:crypto', 'node:zlib'];

/** A machine may have zstd commands beside Node's library: who runs them may start programs and see what they take. */
const runnersOfCommands = ['delta/recipe/zstd-program.ts', 'delta/recipe/zstd-programs.ts'];
const runnerPackages = ['node:child_process', 'node:fs', 'node:path', 'node:stream'];

/** What rebuilds a file is given bytes and gives bytes: no file system, no network, no clock and no chance. */
export const decodersStandAlone: Rule = (file) => {
  if (topOf(file.path) !== 'delta' || isEncoding(file.path)) return [];
  const allowed = runnersOfCommands.includes(file.path) ? [...decoderPackages, ...runnerPackages] : decoderPackages;
  const modules = file.imports
    .filter((found) => !isOurs(found) && !allowed.includes(packageOf(found.target)))
    .map((found) => `${file.path} imports ${found.target}: decoders are given what they need`);
  return [...modules, ...impuritiesOf(file)];
};

function impuritiesOf(file: SourceFile): string[] {
  return file.impurities.map((name) => `${file.path} reads ${name}: pass it in as a value`);
}

const notOnDevices = ['fastify', 'pg', 'kysely', 'better-sqlite3'];
const scopesNotOnDevices = ['@fastify/', '@aws-sdk/', '@smithy/', '@sigstore/'];

/** A device carries no web framework, no cloud SDK, no database client and nothing of Sigstore. */
export const devicesStaySmall: Rule = (file) => {
  if (topOf(file.path) !== 'edge-updater') return [];
  return file.imports
    .filter((found) => !isOurs(found))
    .map((found) => packageOf(found.target))
    .filter((name) => notOnDevices.includes(name) || scopesNotOnDevices.some((scope) => name.startsWith(scope)))
    .map((name) => `${file.path} imports ${name}: not for devices`);
};

/** Node's own modules are named `node:…`, so that a rule about them sees each one. */
export const namesNodeModules: Rule = (file) =>
  file.imports
    .filter((found) => bareNodeModules.includes(found.target.split('/')[0] ?? ''))
    .map((found) => `${file.path} imports ${found.target}: write node:${found.target}`);

const bareNodeModules = [
  'fs',
  'path',
  'os',
  'net',
  'http',
  'https',
  'crypto',
  'child_process',
  'stream',
  'zlib',
  'url',
];

function valueImports(file: SourceFile): Import[] {
  return file.imports.filter((found) => !found.typeOnly);
}

function topOf(path: string): string {
  return path.split('/', 1)[0] ?? '';
}

/** Ours are resolved to paths and end in `.ts` or `.mjs`; npm and Node specifiers never start with one of our folders. */
function isOurs(found: Import): boolean {
  return topOf(found.target) in layers || found.target.startsWith('..') || rootFile.test(found.target);
}

const rootFile = /^[^/@:]+\.(ts|mjs|json)$/;

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
