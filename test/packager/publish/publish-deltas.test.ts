import { readdir, readFile, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { blobKey } from '../../../contract/store-keys.ts';
import type { DeltaEncoder } from '../../../delta/make/ports.ts';
import { findXdelta3 } from '../../../delta/make/processes/xdelta3-binding.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import { readBuild } from '../../../packager/release/build-folder.ts';
import { buildRelease } from '../../../packager/release/build-release.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { gzipped, tarred } from '../../corpus/containers.ts';
import { ownEncoders } from '../../delta/make/delta-bench.ts';
import { describeUnless } from '../../services/requirement.ts';
import { openRepository, publish, start } from '../repository-fixture.ts';
import { noise, noRenderer, Workbench } from '../workbench.ts';

const found = findXdelta3();

describeUnless(found.kind === 'available' ? undefined : found.detail, 'publish with deltas', () => {
  const encoder = found.kind === 'available' ? found.encoder : undefined;

  it('ships a proven delta from each distinct release of the channel', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const base = noise(4, 60_000);
    await publish(bench, store, 'a', { encoder, content: base });
    await publish(bench, store, 'b', { encoder, content: `${base} two`, version: '1.1.0', counter: 2 });
    await publish(bench, store, 'c', { encoder, content: 'unrelated', version: '1.1.1', counter: 3, channel: 'beta' });
    const last = { encoder, content: `three ${base}`, version: '1.2.0', counter: 4 };
    const { deltas } = await publish(bench, store, 'd', last);
    expect(deltas).toHaveLength(2);
    for (const delta of deltas) {
      expect(delta).toMatchObject({ component: 'server', format: 'vcdiff' });
      expect(delta.length).toBeLessThan(1000);
      expect(await store.stat(blobKey(delta.sha256))).toEqual({ length: delta.length });
    }
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 4, blobs: 7 });
  });

  it('leaves a delta out that is not smaller than the full blob', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    await publish(bench, store, 'a');
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const input = { encoder, version: '1.1.0', counter: 2, content: 'two', say };
    expect(await publish(bench, store, 'b', input)).toMatchObject({ outcome: 'published', deltas: [] });
    expect(said.join()).toContain('not smaller');
  });

  it('ships Slipway deltas from several releases, of what lies inside a container', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const slipway = { encoders: ownEncoders, zstd: libzstdEncoder() };
    const packed = (text: string) =>
      gzipped(tarred([{ name: 'bin/k3s', bytes: Buffer.from(text) }]), { encoder: 'go', level: 9 });
    const release = async (name: string, text: string, counter: number) => {
      const declaration = await readFile(await bench.declare(name, { version: `1.${counter}.0`, counter }), 'utf8');
      await bench.write(`${name}/release.yaml`, declaration.replace('"binary"', '"images"'));
      await bench.write(`${name}/server`, packed(text));
      const manifest = await buildRelease(
        bench.at(name, 'release.yaml'),
        bench.at(`${name}.build`),
        noRenderer,
        silentProgress,
      );
      const build = { ...(await readBuild(bench.at(`${name}.build`))), manifest };
      return publish(bench, store, name, { build, encoder, slipway });
    };
    const base = noise(4, 60_000);
    await release('a', base, 1);
    await release('b', `${base} two`, 2);
    const { deltas } = await release('c', `three ${base}`, 3);
    expect(deltas).toHaveLength(2);
    for (const delta of deltas) {
      expect(delta).toMatchObject({ format: 'slipway', needs: { scratchBytes: expect.any(Number) } });
      expect(delta.length).toBeLessThan(1000);
    }
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 3, blobs: 6 });
    expect(await readdir(bench.at('scratch'))).not.toContainEqual(expect.stringMatching(/^(old|new)-/));
  });
});

describe('publish without an encoder that helps', () => {
  it('ships without a delta when the old blob is lost', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    await publish(bench, store, 'a', { build });
    await rm(bench.at('store', blobKey(build.manifest.components[0]?.blobs[0]?.sha256 ?? '')));
    const said: string[] = [];
    const never: DeltaEncoder = {
      format: 'vcdiff',
      maxInputBytes: 1e9,
      encode: () => Promise.reject(new Error('not expected')),
    };
    const input = {
      encoder: never,
      version: '1.1.0',
      counter: 2,
      content: 'two',
      say: (line: string) => said.push(line),
    };
    expect(await publish(bench, store, 'b', input)).toMatchObject({ outcome: 'published', deltas: [] });
    expect(said.join()).toContain('lost');
  });
});
