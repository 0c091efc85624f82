/** A payload packed with another libzstd than Node's goes through the shipped programs and a zstd command of its version. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deltaProcess } from '../../edge-updater/adapters/delta/delta-process.ts';
import { runCommand, runJson } from '../../infra/demo/programs.ts';
import { elf, tarred } from '../corpus/containers.ts';
import { sampleBytes } from '../corpus/flate/sample-bytes.ts';
import { describeUnless } from '../services/requirement.ts';
import { otherZstdMissing, packedByZstd, zstdCommand, zstdCommandVersion } from '../services/zstd-command.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-other-zstd-'));
const place = (name: string) => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** A program with the payload that K3s' own script packs. */
function k3s(edit: string): Buffer {
  const bytes = Buffer.from(sampleBytes('text', 400_000, 8));
  bytes.write(edit, 200_000);
  const payload = tarred([{ name: 'bin/k3s', bytes }]);
  return elf(packedByZstd(payload, '--no-progress', '-T0', '-16', '-f', '--long=25'));
}

describeUnless(otherZstdMissing, 'a program whose payload another zstd packed', () => {
  beforeAll(() => {
    writeFileSync(place('old'), k3s('before'));
    writeFileSync(place('new'), k3s('after'));
  });

  it('updates by a delta of its edits, packed anew by that zstd', { timeout: 120_000 }, async () => {
    const made = await runJson<{ length: number; needs: object }>('slipway-packager', [
      ...['delta', place('old'), place('new'), '--out', place('delta'), '--zstd', zstdCommand],
    ]);
    expect(made).toMatchObject({ unopened: [], needs: { zstd: { versions: [zstdCommandVersion] } } });
    expect(made.length).toBeLessThan(1000);
    await runJson('slipway-edge', ['apply', place('old'), place('delta'), place('out'), '--zstd', zstdCommand]);
    expect(readFileSync(place('out')).equals(readFileSync(place('new')))).toBe(true);
  });

  it('updates so on a device that is told of the command', { timeout: 120_000 }, async () => {
    const files = { base: place('old'), delta: place('delta'), scratch: place('parts') };
    const pieces: Uint8Array[] = [];
    const content = deltaProcess({ zstdPrograms: [zstdCommand], maxEncoderThreads: 2 }).apply(
      files,
      256 * 1024 * 1024,
      new AbortController().signal,
    );
    for await (const piece of content) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(readFileSync(place('new')))).toBe(true);
  });

  it('is left alone on a machine without that zstd, which says what it lacks', { timeout: 120_000 }, async () => {
    const words = ['apply', place('old'), place('delta'), place('none'), '--zstd', '/nonexistent/zstd', '--json'];
    const { exitCode, stdout } = await runCommand('slipway-edge', words);
    expect(exitCode).toBe(7);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'recipe-encoder-missing',
      message: expect.stringContaining(
        `expected libzstd ${zstdCommandVersion}, this machine has ${process.versions.zstd}`,
      ),
    });
    expect(existsSync(place('none'))).toBe(false);
  });

  it('is refused as a zstd command when it is none', async () => {
    const words = ['delta', place('old'), place('new'), '--out', place('other'), '--zstd', '/bin/true', '--json'];
    const { exitCode, stdout } = await runCommand('slipway-packager', words);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'usage', message: expect.stringContaining('/bin/true') });
  });
});
