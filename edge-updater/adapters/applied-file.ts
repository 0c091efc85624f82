/** Applies a delta to a file by hand: the new file has its name when it is whole and durable, and not before. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, realpathSync } from 'node:fs';
import { exitStatus, toSlipwayError } from '../../contract/errors.ts';
import type { AppliedFile } from '../commands/apply.ts';
import type { DeltaCost, DeltaFiles } from '../ports.ts';
import { deltaProcess } from './delta-process.ts';
import { moveInto, onDisk, remove, writeAll } from './durable-file.ts';

/**
 * @param out replaced in one step where it exists
 * @throws SlipwayError what DeltaApplier throws; parts stay in `files.scratch` unless delta or base are to blame
 */
export async function applyToFile(
  files: DeltaFiles,
  out: string,
  maxMemoryBytes: number,
  signal: AbortSignal,
): Promise<AppliedFile> {
  const real = (file: string) => onDisk(`find ${file}`, () => realpathSync(file));
  const content = deltaProcess.apply(
    { base: real(files.base), delta: real(files.delta), scratch: files.scratch },
    maxMemoryBytes,
    signal,
  );
  const partial = `${out}.partial`;
  try {
    const applied = await writeContent(partial, content);
    moveInto(partial, out);
    remove(files.scratch);
    return applied;
  } catch (thrown) {
    remove(partial);
    if (toSlipwayError(thrown).exitStatus === exitStatus.untrusted) remove(files.scratch);
    throw thrown;
  }
}

async function writeContent(file: string, content: AsyncGenerator<Uint8Array, DeltaCost>): Promise<AppliedFile> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const descriptor = onDisk(`create ${file}`, () => openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644));
  const hash = createHash('sha256');
  let length = 0;
  try {
    for (;;) {
      const step = await content.next();
      if (step.done === true) {
        onDisk(`sync ${file}`, () => fsyncSync(descriptor));
        return { length, sha256: hash.digest('hex'), ...step.value };
      }
      hash.update(step.value);
      length += step.value.length;
      onDisk(`write ${file}`, () => writeAll(descriptor, step.value));
    }
  } finally {
    closeSync(descriptor);
    await content.return(undefined as never);
  }
}
