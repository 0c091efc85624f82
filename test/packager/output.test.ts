import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Output } from '../../packager/output.ts';

const MiB = 1024 * 1024;

/** An output whose streams are kept as text. */
function opened(isTTY: boolean, json = false) {
  const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY, columns: 80 })];
  const textOf = (stream: PassThrough) => String(stream.read() ?? '');
  const output = new Output({ stdout, stderr }, json);
  return { output, stdout: () => textOf(stdout), stderr: () => textOf(stderr) };
}

describe('progress', () => {
  it('is a bar on a terminal, under the label of the work that is going on', () => {
    const { output, stderr } = opened(true);
    const deltas = output.progress('making deltas');
    deltas.expect(100);
    deltas.advance(100);
    const uploading = output.progress('uploading');
    uploading.expect(100);
    uploading.advance(50);
    output.endProgress();
    const text = stderr();
    expect(text).toContain('making deltas');
    expect(text.slice(text.lastIndexOf('making deltas'))).toContain('uploading');
  });

  it('is a line for each quarter of long work in a log, and none of short work', () => {
    const { output, stderr, stdout } = opened(false);
    const progress = output.progress('uploading');
    progress.expect(100 * MiB);
    for (let step = 0; step < 100; step++) progress.advance(MiB);
    const bytes = 100 * MiB;
    expect(stderr()).toBe([25, 50, 75, 100].map((part) => `uploading: ${part} % of ${bytes} bytes\n`).join(''));
    const short = output.progress('packing');
    short.expect(MiB);
    short.advance(MiB);
    expect(stderr() + stdout()).toBe('');
  });

  it('says no quarter twice when more work is announced on the way', () => {
    const { output, stderr } = opened(false);
    const progress = output.progress('making deltas');
    progress.expect(100 * MiB);
    progress.advance(60 * MiB);
    progress.expect(100 * MiB);
    progress.advance(40 * MiB);
    progress.advance(100 * MiB);
    expect(stderr().match(/\d+ %/g)).toEqual(['50 %', '100 %']);
  });

  it('leaves stdout to the result under --json', () => {
    const { output, stdout } = opened(false, true);
    const progress = output.progress('uploading');
    progress.expect(100 * MiB);
    progress.advance(100 * MiB);
    output.say('uploading blobs');
    output.result({ ok: true }, ['fine']);
    expect(JSON.parse(stdout())).toEqual({ ok: true });
  });
});
