/** Holds the folders to what ARCHITECTURE.md says they are; each rule is shown to catch a planted violation. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../contract/errors.ts';
import { acrossRooms, cyclesOf } from './architecture/cycles.ts';
import { differences, parseErrorPage } from './architecture/error-page.ts';
import {
  foreignTexts,
  longFiles,
  maxLines,
  namedForItsConcept,
  namesakes,
  oneConceptLong,
  saysWhatItIsFor,
} from './architecture/file-rules.ts';
import {
  contractStandsAlone,
  decidesPurely,
  decodersLoadNoEncoder,
  decodersStandAlone,
  devicesStaySmall,
  distributorOnlyReads,
  namesNodeModules,
  onlyMainImportsAdapters,
  programs,
  pureMark,
  type Rule,
  staysInItsLayer,
} from './architecture/import-rules.ts';
import { parseSource, type SourceFile } from './architecture/source-file.ts';

const root = path.dirname(import.meta.dirname);
const files = filesOfRepository();
const sources = byPath(
  files.filter((file) => /\.(ts|mjs)$/.test(file)).map((file) => parseSource(file, readFileSync(at(file), 'utf8'))),
);

const pureFolders = files.filter((file) => path.basename(file) === pureMark).map((file) => path.dirname(file));

/** Rule, its sentence, and files that break it: each source text must be caught when it stands under its name. */
const rules: readonly (readonly [string, Rule, Readonly<Record<string, string>>])[] = [
  [
    'programs import the libraries and nothing sideways, infra imports no program, nothing imports test',
    staysInItsLayer,
    {
      'packager/release/a.ts': "import { b } from '../../edge-updater/update/state.ts';",
      'packager/release/b.ts': "import type { B } from '../../distributor/app.ts';",
      'distributor/routes/a.ts': "export type { B } from '../../packager/release/b.ts';",
      'distributor/routes/b.ts': "export * from '../../edge-updater/main.ts';",
      'edge-updater/effects/a.ts': "const b = await import('../../packager/delta/b.ts');",
      'edge-updater/effects/b.ts': "type B = import('../../distributor/app.ts').B;",
      'contract/a.ts': "import { b } from '../packager/b.ts';",
      'contract/c.ts': "import { b } from '../delta/b.ts';",
      'contract/d.ts': "import type { B } from '../system/b.ts';",
      'delta/a.ts': "import { b } from '../system/b.ts';",
      'delta/make/a.ts': "import { b } from '../../packager/b.ts';",
      'system/a.ts': "import type { B } from '../distributor/app.ts';",
      'system/b.ts': "import { b } from '../delta/b.ts';",
      'infra/demo/c.ts': "import { b } from '../../delta/b.ts';",
      'contract/b.ts': "import c from '../package.json' with { type: 'json' };",
      'infra/demo/a.ts': "import { b } from '../../packager/main.ts';",
      'infra/demo/b.ts': "import { clock } from '../../test/fakes/clock.ts';",
      'packager/c.ts': "import { clock } from '../test/fakes/clock.ts';",
      'a.config.ts': "import { b } from './contract/b.ts';",
    },
  ],
  [
    'only main.ts imports adapters, besides adapters of the same program',
    onlyMainImportsAdapters,
    {
      'packager/commands/a.ts': "import { s3 } from '../adapters/s3-store.ts';",
      'packager/commands/b.ts': "import type { S3 } from '../adapters/s3-store.ts';",
      'distributor/app.ts': "const s3 = () => import('./adapters/s3-store.ts');",
      'edge-updater/device/daemon.ts': "export { s3 } from './adapters/systemd.ts';",
      'packager/commands/c.ts': "import { openWriter } from '../../system/store/open-writer.ts';",
      'distributor/catalog/catalog.ts': "import { s3Reader } from '../../system/store/s3-reader.ts';",
      'distributor/composition.ts': "import { agentByOrigin } from '../system/network/agent-by-origin.ts';",
      'edge-updater/device/a.ts': "import { replaceFileSync } from '../../system/files/durable-file-sync.ts';",
    },
  ],
  [
    'the distributor reaches nothing that writes a store',
    distributorOnlyReads,
    {
      'distributor/main.ts': "import { openWriter } from '../system/store/open-writer.ts';",
      'distributor/services.ts': "import type { StoreWriter } from '../system/store/writer.ts';",
    },
  ],
  [
    'what decides reaches no module of Node and no clock',
    decidesPurely(pureFolders),
    {
      'edge-updater/update/a.ts': "import { readFileSync } from 'node:fs';",
      'edge-updater/update/b.ts': 'export const late = (at: number) => at < Date.now();',
      'distributor/rollout/a.ts': "import { randomInt } from 'node:crypto';",
      'distributor/rollout/b.ts': "import { type Stats, statSync } from 'node:fs';",
      'distributor/rollout/c.ts': "import { type Stats } from 'node:fs';",
      'distributor/declaration/a.ts': "import { readFileSync } from 'node:fs';",
      'distributor/catalog/a.ts': "const fs = await import('node:fs');",
      'packager/publish/deciding/plan.ts': "export { join } from 'node:path';",
    },
  ],
  [
    'the contract has no file system, network, clock or chance',
    contractStandsAlone,
    {
      'contract/a.ts': "import { readFileSync } from 'node:fs';",
      'contract/b.ts': "import type { Socket } from 'node:net';",
      'contract/c.ts': "import { request } from 'undici';",
      'contract/d.ts': "import { Updater } from 'tuf-js';",
      'contract/e.ts': 'export const now = () => new Date();',
      'contract/f.ts': 'export const now = Date.now;',
      'contract/g.ts': "export const dice = Math['random']();",
      'contract/h.ts': 'export const text = Date();',
      'contract/i.ts': 'export const now = globalThis.performance.now();',
      'contract/k.ts': "import { crc32 } from 'node:zlib';",
      'contract/l.ts': "import { parseDocument } from 'yaml';",
      'contract/j.ts': "import { fetchBytes } from 'tuf-js/dist/fetcher.js';",
    },
  ],
  [
    'what rebuilds a file has no file system, network, clock or chance',
    decodersStandAlone,
    {
      'delta/a.ts': "import { readFileSync } from 'node:fs';",
      'delta/go/b.ts': "import type { Socket } from 'node:net';",
      'delta/flate/c.ts': 'export const now = Date.now;',
      'delta/d.ts': "import { request } from 'undici';",
      'delta/recipe/e.ts': "import { spawn } from 'node:child_process';",
      'delta/recipe/zstd-program.ts': "import { request } from 'node:http';",
    },
  ],
  [
    'devices and decoders load nothing of the encoding end',
    decodersLoadNoEncoder,
    {
      'edge-updater/delta/a.ts': "import { encode } from '../../delta/make/encode-parts.ts';",
      'edge-updater/delta/b.ts': "import type { Encoded } from '../../delta/make/encode-part.ts';",
      'delta/a.ts': "const open = await import('./make/open/open-artifact.ts');",
    },
  ],
  [
    'edge-updater imports no web framework, cloud SDK or database',
    devicesStaySmall,
    {
      'edge-updater/a.ts': "import fastify from 'fastify';",
      'edge-updater/b.ts': "import type { S3Client } from '@aws-sdk/client-s3';",
      'edge-updater/c.ts': "import pg from 'pg';",
      'edge-updater/d.ts': "import { sql } from 'kysely/helpers';",
      'edge-updater/e.ts': "const Database = require('better-sqlite3');",
      'edge-updater/f.ts': "import helmet from '@fastify/helmet';",
    },
  ],
  [
    'modules of Node are named node:…',
    namesNodeModules,
    { 'packager/a.ts': "import { join } from 'path';", 'contract/a.ts': "import { open } from 'fs/promises';" },
  ],
  [
    'files are named for their concept',
    namedForItsConcept,
    {
      'packager/utils.ts': '',
      'contract/helpers/a.ts': '',
      'distributor/common.ts': '',
      'edge-updater/lib/a.ts': '',
      'infra/misc.mjs': '',
      'test/types.ts': '',
      'contract/index.ts': '',
    },
  ],
  [
    'files outside test begin with a sentence that says what they are for',
    saysWhatItIsFor,
    {
      'packager/a.ts': 'export {};',
      'delta/a.ts': '// Reads deltas.\nexport {};',
      'contract/a.ts': '/** What a device is called. */\nexport {};',
      'infra/a.mjs': '#!/usr/bin/env node\n/**\n * Where a store is.\n */',
    },
  ],
  [
    `files outside test have fewer than ${maxLines} lines unless listed with a reason`,
    oneConceptLong(longFiles),
    { 'packager/long.ts': 'export {};\n'.repeat(maxLines), 'distributor/long.ts': 'export {};\n'.repeat(maxLines) },
  ],
];

describe.each(rules)('%s', (_sentence, rule, planted) => {
  it('holds in this repository', () => {
    expect([...sources.values()].flatMap((file) => rule(file, sources))).toEqual([]);
  });

  it.each(Object.entries(planted))('catches a planted %s', (file, text) => {
    const violation = parseSource(file, text);
    expect(rule(violation, byPath([violation]))).not.toEqual([]);
  });
});

describe('imports', () => {
  const ours = new Map([...sources].filter(([file]) => !file.startsWith('test/')));

  it('make no cycle at run time, and none of types across rooms', () => {
    expect(cyclesOf(ours, 'at run time')).toEqual([]);
    expect(acrossRooms(cyclesOf(ours, 'also of types'), programs)).toEqual([]);
  });

  it.each([
    ['of two', { 'delta/a.ts': "import './b.ts';", 'delta/b.ts': "import './a.ts';" }, 1, 0],
    ['of one', { 'delta/a.ts': "import './a.ts';" }, 1, 0],
    [
      'of three rooms, closed by a type',
      {
        'packager/a/a.ts': "import { b } from '../b/b.ts';",
        'packager/b/b.ts': "export { c } from '../c.ts';",
        'packager/c.ts': "import type { A } from './a/a.ts';",
        'packager/d.ts': "import './c.ts';",
      },
      0,
      1,
    ],
    [
      'of types in one room',
      { 'packager/a/a.ts': "import { b } from './b.ts';", 'packager/a/b.ts': "import type { A } from './a.ts';" },
      0,
      0,
    ],
    [
      'none',
      { 'delta/a.ts': "import './b.ts'; import './c.ts';", 'delta/b.ts': "import './c.ts';", 'delta/c.ts': '' },
      0,
      0,
    ],
  ])('are caught with a planted cycle: %s', (_name, planted, atRunTime, across) => {
    const parsed = byPath(Object.entries(planted).map(([file, text]) => parseSource(file, text)));
    expect(cyclesOf(parsed, 'at run time')).toHaveLength(atRunTime);
    expect(acrossRooms(cyclesOf(parsed, 'also of types'), programs)).toHaveLength(across);
  });
});

describe('exported names', () => {
  it('have one meaning each', () => {
    expect(namesakes(sources.values())).toEqual([]);
  });

  it.each([
    ['a function and a type', { 'delta/a.ts': 'export function step() {}', 'system/a.ts': 'export type step = 1;' }, 1],
    ['two constants', { 'delta/a.ts': 'export const a = 1, b = 2;', 'delta/b.ts': 'export const b = 2;' }, 1],
    ['one that is passed on', { 'delta/a.ts': 'export const a = 1;', 'delta/b.ts': "export { a } from './a.ts';" }, 0],
    ['an overload', { 'delta/a.ts': 'export function a(b: 1): 1; export function a(b: 2): 2;' }, 0],
  ])('are caught with a planted namesake: %s', (_name, planted, found) => {
    const parsed = Object.entries(planted).map(([file, text]) => parseSource(file, text));
    expect(namesakes(parsed)).toHaveLength(found);
  });
});

describe('the architecture rules', () => {
  it('see the sources', () => {
    expect([...sources.keys()]).toEqual(expect.arrayContaining(['contract/errors.ts', 'infra/bootstrap.mjs']));
    for (const program of programs) expect(sources.has(`${program}/main.ts`), `${program}/main.ts`).toBe(true);
    for (const program of programs)
      expect(
        pureFolders.some((folder) => folder.startsWith(`${program}/`)),
        program,
      ).toBe(true);
  });

  it('take no comment or string for an import, nor a date that is given for a clock', () => {
    const file = parseSource(
      'contract/a.ts',
      `// import { a } from 'node:fs';
      /* export * from 'node:net'; */
      const text = "import { b } from 'undici'"; const more = \`await import('node:os')\`;
      export const at = (seconds: number) => new Date(seconds * 1000); // Date.now()
      export const pattern = /import('pg')/;`,
    );
    expect(file.imports).toEqual([]);
    expect(file.impurities).toEqual([]);
  });

  it('see every form of import, and which of them are gone at run time', () => {
    const file = parseSource(
      'packager/publish/a.ts',
      `import a from '../a.ts'; import type { B } from './b.ts'; import { type C } from './c.ts'; import './d.ts';
      export * from './e.ts'; export type { F } from './f.ts'; export { g } from './g.ts';
      const h = () => import('./h.ts'); type I = import('./i.ts').I; const j = require('native');
      const k = import(\`@scope/native-\${process.arch}\`);`,
    );
    expect(file.imports.map(({ target, typeOnly }) => `${typeOnly ? 'type ' : ''}${target}`).sort()).toEqual(
      [
        'packager/a.ts',
        'type packager/publish/b.ts',
        'packager/publish/c.ts',
        'packager/publish/d.ts',
        'packager/publish/e.ts',
        'type packager/publish/f.ts',
        'packager/publish/g.ts',
        'packager/publish/h.ts',
        'type packager/publish/i.ts',
        'native',
        '@scope/native-*',
      ].sort(),
    );
  });

  it('let through what ARCHITECTURE.md allows', () => {
    const allowed = {
      'packager/main.ts': "import { s3 } from './adapters/s3-store.ts'; import { b } from '../contract/b.ts';",
      'packager/publish/upload.ts': "import type { StoreWriter } from '../../system/store/writer.ts';",
      'system/store/open-writer.ts': "import { directoryWriter } from './directory-writer.ts';",
      'packager/adapters/s3-store.ts': "import { retry } from './s3-retry.ts'; import fs from 'node:fs';",
      'edge-updater/update/state.ts': "import type { Stats } from 'node:fs'; import { z } from 'zod';",
      'delta/recipe/zstd.ts': "import { type ZstdOptions, createInflate } from 'node:zlib';",
      'delta/make/open/a.ts': "import { readSync } from 'node:fs'; import { B } from '../../format.ts';",
      'edge-updater/delta/a.ts': "import { apply } from '../../delta/apply.ts'; import { b } from '../../system/b.ts';",
      'contract/digest.ts': "import { createHash } from 'node:crypto'; import { Store } from 'tuf-js/dist/store.js';",
      'test/packager/a.test.ts': "import { s3 } from '../../packager/adapters/s3-store.ts';",
    };
    const parsed = byPath(
      Object.entries(allowed).map(([file, text]) => parseSource(file, `/** Shows what is allowed. */\n${text}`)),
    );
    expect([...parsed.values()].flatMap((file) => rules.flatMap(([, rule]) => rule(file, parsed)))).toEqual([]);
  });

  it('follow what the distributor reads through the files of a store', () => {
    const parsed = byPath([
      parseSource('distributor/main.ts', "import { openReader } from '../system/store/open-reader.ts';"),
      parseSource('system/store/open-reader.ts', "const s3 = () => import('./s3-reader.ts');"),
      parseSource('system/store/s3-reader.ts', "import { put } from './s3-writer.ts';"),
    ]);
    expect([...parsed.values()].flatMap((file) => distributorOnlyReads(file, parsed))).toEqual([
      'distributor/main.ts reaches system/store/s3-writer.ts through system/store/s3-reader.ts',
    ]);
  });

  it('follow what decides through files of its program', () => {
    const parsed = byPath([
      parseSource('edge-updater/update/transition.ts', "import { slot } from '../slot.ts';"),
      parseSource('edge-updater/slot.ts', "import { disk } from './disk.ts';"),
      parseSource('edge-updater/disk.ts', "import fs from 'node:fs';"),
    ]);
    expect([...parsed.values()].flatMap((file) => decidesPurely(['edge-updater/update'])(file, parsed))).toEqual([
      'edge-updater/update/transition.ts reaches node:fs through edge-updater/disk.ts',
    ]);
  });

  it('take a file off the list of long ones when it is short', () => {
    const short = parseSource('packager/a.ts', 'export {};');
    expect(oneConceptLong({ 'packager/a.ts': 'a table' })(short, byPath([short]))).toHaveLength(1);
    for (const file of Object.keys(longFiles)) expect(sources.has(file), file).toBe(true);
  });
});

describe('contract/errors.md', () => {
  it('lists exactly the codes of contract/errors.ts, with their statuses and what to do', () => {
    expect(differences(parseErrorPage(readFileSync(at('contract/errors.md'), 'utf8')), errorCodes)).toEqual([]);
  });

  it('is caught when a code is missing, unknown, doubled, wrong or unexplained', () => {
    const codes = { a: { exit: 1, fault: 'none' }, b: { exit: 3, http: 404, fault: 'path' } };
    const good =
      '| `a` | 1 | – | – | It went wrong. | Report it, please. |\n| `b` | 3 | 404 | path | It is absent. | Look again. |\n';
    expect(differences(parseErrorPage(good), codes)).toEqual([]);
    const bad: [string, string][] = [
      [good.replace(/^.*\n/, ''), 'a is not documented'],
      [`${good}| \`c\` | 1 | – | – | It went wrong. | Report it, please. |`, 'c is documented but not a code'],
      [good + good.slice(0, good.indexOf('\n')), 'a is documented twice'],
      [good.replace('| 1 |', '| 2 |'), 'a: exit is 1, the page says 2'],
      [good.replace('path', 'release'), 'b: fault is path, the page says release'],
      [good.replace('Look', '↻ Look'), 'b: the mark ↻ does not fit'],
      [good.replace('404', '–'), 'b: HTTP is 404, the page says –'],
      [good.replace('Look again.', ''), 'b: say what happened and what to do'],
    ];
    for (const [page, message] of bad) expect(differences(parseErrorPage(page), codes)).toEqual([message]);
  });
});

describe('tracked text', () => {
  it('names no registry host and no path of one machine', () => {
    expect(files.flatMap((file) => foreignTexts(file, readFileSync(at(file), 'utf8')))).toEqual([]);
  });

  it('is caught with each of them', () => {
    const dot = '.';
    const texts = [
      `https://registry${dot}npmjs${dot}org/zod`,
      `registry${' = '}https://packages.example`,
      `"resolved"${': '}"https://packages.example/zod.tgz"`,
      ['see ', 'work', 'main'].join('/'),
      ["'", 'root', '.cache'].join('/'),
    ];
    for (const text of texts) expect(foreignTexts('a.md', `one\n${text}`), text).toHaveLength(1);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is what is looked at
    const innocent = ['src/framework/a.ts', '${folder}/work/b', 'metadata/root.json', './work/c', '$DIR/root/d'];
    for (const text of innocent) expect(foreignTexts('a.md', text), text).toEqual([]);
  });
});

/** Tracked files and those that would be, as the work tree has them. */
function filesOfRepository(): string[] {
  const args = ['-c', `safe.directory=${root}`, 'ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\0')
    .filter((file) => file !== '' && isRegularFile(at(file)));
}

function isRegularFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function byPath(list: readonly SourceFile[]): Map<string, SourceFile> {
  return new Map(list.map((file) => [file.path, file]));
}

function at(file: string): string {
  return path.join(root, file);
}
