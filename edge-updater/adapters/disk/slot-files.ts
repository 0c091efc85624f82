/** Compares the files of a slot with what its manifest says of them: by a look, and by reading them. */
import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Digest } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { Component } from '../../../contract/release/manifest.ts';
import { digestOfFile } from './digest-of-file.ts';

/** Existence, length and mode; the bytes are not read. @throws SlipwayError `digest-mismatch`, `length-mismatch` */
export function glanceAtFile(file: string, component: Component): void {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (!stat) throw new SlipwayError('digest-mismatch', `${file} is gone`);
  // A link could point to a file that changes after it was read (time of check, time of use).
  if (!stat.isFile()) throw new SlipwayError('digest-mismatch', `${file} is not a regular file`);
  if (stat.size !== component.length) throw wrongLength(component, stat.size);
  if ((stat.mode & 0o7777) !== Number.parseInt(component.mode, 8)) {
    const found = (stat.mode & 0o7777).toString(8);
    throw new SlipwayError('digest-mismatch', `${file} has mode ${found}, expected ${component.mode}`);
  }
}

/** @throws SlipwayError as glanceAtFile does, and codes of the disk */
export async function verifyFile(file: string, component: Component): Promise<void> {
  glanceAtFile(file, component);
  const found = await digestOfFile(file);
  if (found !== component.sha256) throw wrongDigest(component, found);
}

/** The directory itself last. */
export function directoriesBelow(directory: string): string[] {
  const inner = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...inner.flatMap((entry) => directoriesBelow(path.join(directory, entry.name))), directory];
}

/** Paths of everything that is not a directory, relative to `root`. */
export function filesBelow(root: string, below = ''): string[] {
  return readdirSync(path.join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const inner = path.join(below, entry.name);
    return entry.isDirectory() ? filesBelow(root, inner) : [inner];
  });
}

export function wrongLength(component: Component, found: number): SlipwayError {
  return new SlipwayError(
    'length-mismatch',
    `${component.name}: expected ${component.length} bytes, found ${found > component.length ? 'more' : found}`,
  );
}

export function wrongDigest(component: Component, found: Digest): SlipwayError {
  return new SlipwayError('digest-mismatch', `${component.name}: expected sha256 ${component.sha256}, found ${found}`);
}
