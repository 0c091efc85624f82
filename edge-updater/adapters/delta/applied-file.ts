/** Applies a delta to a file by hand: the new file has its name when it is whole and durable, and not before. */
import { closeSync, constants, fsyncSync, openSync, realpathSync } from 'node:fs';
import { toSlipwayError } from '../../../contract/errors.ts';
import { exitStatus } from '../../../contract/exit-status.ts';
import { digestOf } from '../../../delta/chunks.ts';
import { isPartsOnly, type OpenDelta, openDelta } from '../../../delta/open-delta.ts';
import { moveInto, onDisk, remove } from '../../../system/files/durable-file-sync.ts';
import type { AppliedFile } from '../../commands/apply.ts';
import type { DeltaMeans } from '../../delta/delta-means.ts';
import type { DeltaFiles } from '../../ports.ts';
import { openReadOnly } from '../disk/file-source.ts';
import { FlushedFile } from '../disk/flushed-file.ts';
import { applyHere } from './apply-here.ts';
import { applyInto } from './delta-process.ts';

/**
 * Works in a process of its own where something is to be encoded again, since that can take much memory; else in this
 * one, which saves starting another.
 * @param out replaced in one step where it exists
 * @param stopSignal asked for once a process of its own is started; until then signals have their usual effect
 * @throws SlipwayError what DeltaApplier throws; parts stay in `files.scratch` unless delta or base are to blame
 */
export async function applyToFile(
  files: DeltaFiles,
  out: string,
  means: DeltaMeans,
  stopSignal: () => AbortSignal,
): Promise<AppliedFile> {
  const real = (file: string) => onDisk(`find ${file}`, () => realpathSync(file));
  const resolved = { base: real(files.base), delta: real(files.delta), scratch: files.scratch };
  const partial = `${out}.partial`;
  try {
    const applied = await writeTarget(partial, resolved, means, stopSignal);
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
  means: DeltaMeans,
  stopSignal: () => AbortSignal,
): Promise<AppliedFile> {
  const delta = openReadOnly(files.delta);
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  let target: number | undefined;
  try {
    const opened = openDelta(delta);
    target = onDisk(`create ${file}`, () => openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644));
    if (isPartsOnly(opened.target)) {
      const flushed = new FlushedFile(target, file);
      const cost = await applyHere({ files, delta, opened, target: flushed, ...means });
      await flushed.finish();
      return { ...provedContent(opened), ...cost };
    }
    const cost = await applyInto(target, files, means, stopSignal());
    onDisk(`sync ${file}`, () => fsyncSync(target as number));
    return { ...contentOf(file), ...cost };
  } finally {
    if (target !== undefined) closeSync(target);
    delta.close();
  }
}

/** What applyDelta compared the written bytes with. */
function provedContent({ layout }: OpenDelta): Pick<AppliedFile, 'length' | 'sha256'> {
  return { length: layout.target.length, sha256: layout.target.sha256 };
}

/** What lies in the file now, read through one buffer. */
function contentOf(file: string): Pick<AppliedFile, 'length' | 'sha256'> {
  const source = openReadOnly(file);
  try {
    return { length: source.length, sha256: digestOf(source) };
  } finally {
    source.close();
  }
}
