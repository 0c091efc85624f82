/** Keeps the record of an adopted box: in the state directory, and where the updater cannot write for its actor. */
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { makeDirectory, readIfThere, remove, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import { type Adoption, adoptionSchema } from '../../adoption/adoption.ts';

/** @throws SlipwayError `io-error` where it is there and cannot be understood: to go on without it would lose data */
export function readAdoption(stateDirectory: string): Adoption | undefined {
  const file = fileIn(stateDirectory);
  const bytes = readIfThere(file);
  if (!bytes) return undefined;
  try {
    return adoptionSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new SlipwayError('io-error', `${file} does not hold the record of an adopted box`, {
      ...{ cause, hint: 'Put it right or remove it, then run slipway-edge adopt.' },
    });
  }
}

export function writeAdoption(stateDirectory: string, adoption: Adoption): void {
  makeDirectory(stateDirectory);
  replaceFileSync(fileIn(stateDirectory), Buffer.from(`${JSON.stringify(adoption, undefined, 2)}\n`));
}

export function removeAdoption(stateDirectory: string): void {
  remove(fileIn(stateDirectory));
}

/** A folder that had the record alone. */
export function forgetFolder(folder: string): void {
  remove(folder);
}

function fileIn(stateDirectory: string): string {
  return path.join(stateDirectory, 'adopted.json');
}
