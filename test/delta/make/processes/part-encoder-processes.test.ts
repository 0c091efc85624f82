import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PartTask } from '../../../../delta/make/ports.ts';
import { partEncoderProcesses } from '../../../../delta/make/processes/part-encoder-processes.ts';
import { noise, Workbench } from '../../../packager/workbench.ts';

async function bench() {
  const folder = await Workbench.open();
  const encoders = partEncoderProcesses(2, 1e9);
  onTestFinished(() => encoders.close());
  const old = noise(1, 40_000);
  const files = { old: await folder.write('old', old), new: await folder.write('new', `${old}more`) };
  const task = (outFile: string): PartTask => ({
    new: { file: files.new, offset: 0, length: 40_004 },
    olds: [{ index: 7, bytes: { file: files.old, offset: 0, length: 40_000 } }],
    methods: ['go', 'approximate', 'zstd'],
    outFile: folder.at(outFile),
  });
  return { encoders, task };
}

describe('processes that encode parts', () => {
  it('encode several at a time, each to its file', async () => {
    const { encoders, task } = await bench();
    const codes = await Promise.all(['a', 'b', 'c', 'd'].map((name) => encoders.encode(task(name), 1e6)));
    for (const code of codes) expect(code).toMatchObject({ method: 'approximate', oldPart: 7 });
    const [first, ...others] = await Promise.all(['a', 'b', 'c', 'd'].map((name) => readFile(task(name).outFile)));
    for (const other of others) expect(other).toEqual(first);
    expect(first?.length).toBe(codes[0]?.dataLength);
  });

  it('run a task that asks for more memory than there is, alone', async () => {
    const { encoders, task } = await bench();
    const codes = await Promise.all([encoders.encode(task('a'), 1e12), encoders.encode(task('b'), 1e6)]);
    expect(codes.map(({ method }) => method)).toEqual(['approximate', 'approximate']);
  });

  it('reject a task whose files are gone, and go on with the next', async () => {
    const { encoders, task } = await bench();
    const broken = { ...task('a'), new: { file: '/nowhere', offset: 0, length: 5 } };
    await expect(encoders.encode(broken, 1e6)).rejects.toMatchObject({ code: 'internal' });
    expect(await encoders.encode(task('b'), 1e6)).toMatchObject({ method: 'approximate' });
  });
});
