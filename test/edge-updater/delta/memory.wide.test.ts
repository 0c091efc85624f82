/**
 * Memory of the process that applies a delta, as shipped: bounded whatever the artifact's size, measured as its peak
 * resident set, and held to 192 MiB by a control group, parent and page cache included, where this user can make one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RecipeNode } from '../../../delta/recipe/recipe.ts';
import { bundleProgram } from '../../../infra/bundle.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { type DeltaText, edited, patched, ranged, writeDelta } from '../../fakes/small-delta.ts';
import { MemoryGroup } from '../../services/memory-group.ts';
import { describeUnless } from '../../services/requirement.ts';

const mebibyte = 1024 * 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-memory-'));
const place = (name: string) => path.join(folder, name);
const root = path.join(import.meta.dirname, '..', '..', '..');

beforeAll(async () => {
  for (const [entry, output] of [
    ['edge-updater/start.ts', 'slipway-edge.mjs'],
    ['edge-updater/apply-main.ts', 'slipway-edge-apply.mjs'],
    ['edge-updater/adapters/delta/apply-delta-child.ts', 'slipway-edge-delta.mjs'],
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

const command = [process.execPath, place('slipway-edge.mjs'), 'apply', place('base'), place('delta'), place('out')];

function expectApplied(status: number | null, stderr: string): void {
  expect(status, stderr).toBe(0);
  expect(readFileSync(place('out')).equals(readFileSync(place('target')))).toBe(true);
}

it('is at most 96 MiB for an artifact of 161 MiB', () => {
  const [program = '', ...words] = command;
  const { status, stdout, stderr } = spawnSync(program, [...words, '--json'], { encoding: 'utf8' });
  expectApplied(status, stderr);
  expect(JSON.parse(stdout).peakRssBytes).toBeLessThanOrEqual(96 * mebibyte);
});

const group = MemoryGroup.make(192 * mebibyte);
describeUnless(group === undefined ? 'this user cannot make a control group' : undefined, 'under a limit', () => {
  afterAll(() => group?.[Symbol.dispose]());

  it('is enough with 192 MiB for the program, its child and the page cache', async () => {
    expect(group?.maxBytes).toBe(192 * mebibyte);
    const { exitCode, stderr } = (await group?.run(command)) ?? { exitCode: 1, stderr: '' };
    expectApplied(exitCode, stderr);
  });

  it('is held to it: what takes more is killed', async () => {
    const greedy = [process.execPath, '-e', `Buffer.alloc(${256 * mebibyte}, 1)`];
    expect((await group?.run(greedy))?.exitCode).not.toBe(0);
  });
});
