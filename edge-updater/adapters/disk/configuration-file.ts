/** Reads the configuration of this device from its file. */
import { readFileSync } from 'node:fs';
import { SlipwayError } from '../../../contract/errors.ts';
import { type Configuration, parseConfiguration } from '../../configuration.ts';

/** @throws SlipwayError `document-unreadable`, `document-invalid` */
export function readConfiguration(file: string): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SlipwayError('document-unreadable', `cannot read ${file}`, { cause, hint: 'Name it with --config.' });
  }
  return parseConfiguration(text, file, { arch: process.arch, machineId: readOptional('/etc/machine-id') });
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
