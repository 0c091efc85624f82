/** Applies a delta to a file by hand: the new file has its name when it is whole and durable, and not before. */
import { closeSync, constants, fsyncSync, openSync, realpathSync } from 'node:fs';
import { digestOf } from '../../contract/delta/chunks.ts';
import { exitStatus, toSlipwayError } from '../../contract/errors.ts';
import type { AppliedFile } from '../commands/apply.ts';
import type { DeltaCost, DeltaFiles } from '../ports.ts';
import { applyInto } from './delta-process.ts';
import { moveInto, onDisk, remove } from './durable-file.ts';
import { openFileSource } from './file-source.ts';

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
  const resolved = { base: real(files.base), delta: real(files.delta), scratch: files.scratch };
  const partial = `${out}.partial`;
  try {
    const cost = await writeTarget(partial, resolved, maxMemoryBytes, signal);
    const applied = { ...contentOf(partial), ...cost };
    moveInto(partial, out);
    remove(files.scratch);
    return applied;
  } catch (thrown) {
    remove(partial);
    if (toSlipwayError(thrown).exitStatus === exitStatus.untrusted) remove(files.scratch);
    throw thrown;
  }
}

async function writeTarget(
  file: string,
  files: DeltaFiles,
  maxMemoryBytes: number,
  signal: AbortSignal,
): Promise<DeltaCost> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const descriptor = onDisk(`create ${file}`, () => openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644));
  try {
    const cost = await applyInto(descriptor, files, maxMemoryBytes, signal);
    onDisk(`sync ${file}`, () => fsyncSync(descriptor));
    return cost;
  } finally {
    closeSync(descriptor);
  }
}

/** What lies in the file now, read through one buffer. */
function contentOf(file: string): { readonly length: number; readonly sha256: string } {
  const source = openFileSource(file);
  try {
    return { length: source.length, sha256: digestOf(source) };
  } finally {
    source.close();
  }
}
