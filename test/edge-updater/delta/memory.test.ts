/**
 * Memory of the process that applies a delta, as shipped: bounded whatever the artifact's size, measured as its peak
 * resident set, and held to 192 MiB by a control group, parent and page cache included, where this user can make one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RecipeNode } from '../../../contract/delta/recipe/recipe.ts';
import { bundleProgram } from '../../../infra/bundle.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { type DeltaText, edited, patched, ranged, writeDelta } from '../../fakes/small-delta.ts';
import { describeUnless } from '../../services/requirement.ts';

const mebibyte = 1024 * 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-memory-'));
const place = (name: string) => path.join(folder, name);
const root = path.join(import.meta.dirname, '..', '..', '..');

beforeAll(async () => {
  for (const [entry, output] of [
    ['edge-updater/start.ts', 'slipway-edge.mjs'],
    ['edge-updater/apply-main.ts', 'slipway-edge-apply.mjs'],
    ['edge-updater/adapters/apply-delta-child.ts', 'slipway-edge-delta.mjs'],
  ] as const) {
    await bundleProgram({ entry, output, executable: false }, root, folder);
  }
  const { base, delta, target } = largeRelease();
  for (const [name, bytes] of Object.entries({ base, delta, target })) writeFileSync(place(name), bytes);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** 160 MiB that only moved, and a program of 1 MiB that changed. */
function largeRelease() {
  const program = sampleBytes('records', mebibyte, 1);
  const noise = sampleBytes('noise', mebibyte, 2);
  const bulk = Buffer.concat(Array.from({ length: 160 }, () => noise));
  const now = edited(program, 5000);
  const recipe = (...lengths: number[]) => lengths.map((length, part): RecipeNode => ({ part, length }));
  const text: DeltaText = {
    base: Buffer.concat([program, bulk]),
    target: Buffer.concat([bulk.subarray(99), now]),
    baseRecipe: { version: 1, nodes: recipe(program.length, bulk.length) },
    targetRecipe: { version: 1, nodes: recipe(bulk.length - 99, now.length) },
    parts: [ranged(1, bulk, 99, bulk.length - 99), patched(0, program, now)],
  };
  return { ...text, delta: writeDelta(text) };
}

/** Runs the verb, in the control group where one is given. */
function apply(group?: string) {
  const words = [
    process.execPath,
    place('slipway-edge.mjs'),
    'apply',
    place('base'),
    place('delta'),
    place('out'),
    '--json',
  ];
  const enter = group === undefined ? '' : `echo $$ > ${group}/cgroup.procs && `;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `${enter}exec "$@"`, 'sh', ...words], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(readFileSync(place('out')).equals(readFileSync(place('target')))).toBe(true);
  return JSON.parse(stdout) as { peakRssBytes: number };
}

it('is at most 96 MiB for an artifact of 161 MiB', () => {
  expect(apply().peakRssBytes).toBeLessThanOrEqual(96 * mebibyte);
});

interface ControlGroup {
  readonly folder: string;
  readonly limitFile: string;
}

/** A group of its own, of version 1 or 2; undefined where this user cannot make one. */
function makeGroup(): ControlGroup | undefined {
  const version1 = existsSync('/sys/fs/cgroup/memory');
  const parent = version1 ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup';
  const group = path.join(parent, `slipway-test-${process.pid}`);
  const limitFile = path.join(group, version1 ? 'memory.limit_in_bytes' : 'memory.max');
  try {
    mkdirSync(group);
    writeFileSync(limitFile, String(192 * mebibyte));
    return { folder: group, limitFile };
  } catch {
    if (existsSync(group)) rmdirSync(group);
    return undefined;
  }
}

const group = makeGroup();
describeUnless(group === undefined ? 'this user cannot make a control group' : undefined, 'under a limit', () => {
  afterAll(() => group && rmdirSync(group.folder));

  it('is enough with 192 MiB for the program, its child and the page cache', () => {
    expect(Number(readFileSync(group?.limitFile ?? '', 'utf8'))).toBe(192 * mebibyte);
    apply(group?.folder);
  });
});
