import { describe, expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { silentProgress } from '../../../contract/progress.ts';
import type { Component, ReleaseManifest } from '../../../contract/release/manifest.ts';
import { makeDeltas } from '../../../packager/publish/deltas.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import { Workbench } from '../workbench.ts';

const component = (length: number, digit: string): Component => ({
  ...{ name: 'images', kind: 'images', installPath: 'images/a.tar', mode: '0644', length, sha256: digit.repeat(64) },
  blobs: [{ encoding: 'identity', length, sha256: digit.repeat(64) }],
  deltas: [],
});

describe('a file that no device would lay out', () => {
  it.each([
    ['the new one', limits.maxOpenedBytes, limits.maxOpenedBytes + 1],
    ['the old one', limits.maxOpenedBytes + 1, limits.maxOpenedBytes],
  ])('gets no delta when %s is too long, and the limit is named before a byte is read', async (_, before, after) => {
    const bench = await Workbench.open();
    const manifest: ReleaseManifest = {
      ...{ schemaVersion: 1, product: 'k3s-edge', platform: 'linux/arm64', version: '1.0.0', counter: 1, floors: [] },
      components: [component(before, 'a')],
    };
    const said: string[] = [];
    const job = {
      store: directoryWriter(bench.at('none')),
      makers: { vcdiff: undefined, slipway: undefined },
      ...{ folder: bench.at('none'), scratch: bench.folder, memory: undefined, progress: silentProgress },
      say: (line: string) => void said.push(line),
    };
    expect(await makeDeltas(job, component(after, 'b'), [manifest])).toEqual([]);
    const { maxOpenedBytes: most } = limits;
    expect(said).toEqual([`images: ${most + 1} bytes, longer than ${most}: no delta from 1.0.0`]);
  });
});
