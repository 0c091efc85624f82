/** Frames of the zstd command, written again through it; Debian's is another libzstd than Node's. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { anyZstdEncoder } from '../../../delta/recipe/zstd-encoders.ts';
import { zstdProgramEncoder, zstdProgramVersion } from '../../../delta/recipe/zstd-program.ts';
import type { ZstdSettings } from '../../../delta/recipe/zstd-settings.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { packedByZstd, zstdCommand, zstdCommandVersion } from '../../services/zstd-command.ts';

/** 1 MiB with a tail, so that blocks and the reads of the command end in different places. */
const content = sampleBytes('text', 1024 * 1024 + 12_345, 5);

describe('what is asked for its version', () => {
  it.each(['/bin/true', '/bin/ls', '/nonexistent/zstd'])('is no zstd command: %s', (program) => {
    expect(zstdProgramVersion(program)).toBeUndefined();
  });
});

describeUnless(missingCommands('zstd'), 'the zstd command', () => {
  const [program, version] = [zstdCommand, zstdCommandVersion];
  const encoder = zstdProgramEncoder(program, version);
  const usual: ZstdSettings = {
    ...{ encoder: 'libzstd', version, level: 3, windowLog: 21, longDistance: false },
    ...{ jobs: true, checksum: true, contentSize: true },
  };

  const packed = (...args: string[]) => packedByZstd(content, ...args);

  async function writtenAgain(settings: ZstdSettings, step = 100_000): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const encoding = encoder.encode(settings, content.length, 0, (bytes) => void pieces.push(Buffer.from(bytes)));
    for (let at = 0; at < content.length; at += step) await encoding.write(content.subarray(at, at + step));
    await encoding.finish();
    encoding.close();
    return Buffer.concat(pieces);
  }

  it('says its version', () => {
    expect(version).toMatch(/^1\.\d+\.\d+$/);
    expect(encoder.versions).toEqual([version]);
  });

  it.each<[string[], Partial<ZstdSettings>]>([
    [['-3'], {}],
    [['-T0', '-16', '--long=25'], { level: 16, windowLog: 25, longDistance: true }],
    [['--single-thread', '-19'], { level: 19, windowLog: 23, jobs: false }],
    [['--ultra', '-22', '--single-thread'], { level: 22, windowLog: 27, jobs: false }],
    [['--fast=5', '--no-check'], { level: -5, windowLog: 19, checksum: false }],
  ])('writes the frames of %j again', async (args, settings) => {
    const frame = packed(...args);
    expect((await writtenAgain({ ...usual, ...settings })).equals(frame)).toBe(true);
  });

  it('writes the same whatever the pieces are', async () => {
    const frame = packed('-3');
    for (const step of [7777, 128 * 1024, content.length]) {
      expect((await writtenAgain(usual, step)).equals(frame)).toBe(true);
    }
  });

  it.each([true, false])('tells what a frame begins with before everything is there (size told: %j)', async (told) => {
    const size = told ? [`--stream-size=${content.length}`] : [];
    const frame = execFileSync(program, ['-q', '-c', '--single-thread', '-3', ...size], { input: content });
    const pieces: Buffer[] = [];
    const single = { ...usual, jobs: false, contentSize: told };
    const encoding = encoder.encode(single, content.length, 0, (bytes) => void pieces.push(Buffer.from(bytes)));
    await encoding.write(content.subarray(0, 512 * 1024));
    await encoding.settle();
    encoding.close();
    const begin = Buffer.concat(pieces);
    expect(begin.length).toBeGreaterThan(50_000);
    // An empty last block and a checksum come where the command takes the frame to be whole.
    const right = told ? begin.length : begin.length - 7;
    expect(begin.subarray(0, right).equals(frame.subarray(0, right))).toBe(true);
  });

  it.each([-1, 1])('refuses content that is %i byte away from what was said', async (off) => {
    const encoding = encoder.encode(usual, 100_000 + off, 0, () => {});
    await encoding.write(content.subarray(0, 100_000));
    await expect(encoding.finish()).rejects.toMatchObject({ code: 'recipe-not-reproducible' });
  });

  it('passes on what its sink throws, and ends the command', async () => {
    const children: ChildProcess[] = [];
    const watched = zstdProgramEncoder(program, version, 1, (child) => children.push(child));
    const encoding = watched.encode({ ...usual, jobs: false }, content.length, 0, () => {
      throw new Error('enough');
    });
    const all = async () => {
      for (let at = 0; at < content.length; at += 65_536) await encoding.write(content.subarray(at, at + 65_536));
      await encoding.finish();
    };
    await expect(all()).rejects.toThrow('enough');
    const [child] = children;
    await expect.poll(() => child?.signalCode).toMatch(/^SIG(KILL|PIPE)$/);
  });

  it('says so when the command has gone', async () => {
    const gone = zstdProgramEncoder('/nonexistent/zstd', version);
    const encoding = gone.encode(usual, 10, 0, () => {});
    const all = async () => {
      await encoding.write(new Uint8Array(10));
      await encoding.finish();
    };
    await expect(all()).rejects.toMatchObject({ code: 'recipe-encoder-missing' });
  });

  it('is one of several, each for its version', async () => {
    const any = anyZstdEncoder([{ ...encoder, versions: ['0.0.1'] }, encoder]);
    expect(any.versions).toEqual(['0.0.1', version]);
    expect(() => any.encode({ ...usual, version: '9.9.9' }, 1, 1, () => {})).toThrow(
      expect.objectContaining({ code: 'recipe-encoder-missing', message: expect.stringContaining('9.9.9') }),
    );
  });
});
