/** Tells whether an executable can run on a platform, by its first bytes. */
import { SlipwayError } from '../../contract/errors.ts';
import { elfMachine, type Platform, platforms } from '../../contract/release/platform.ts';
import { elfIdentity, identityBytes } from '../../delta/elf.ts';

/** Bytes needed. */
export const executableHeaderBytes = identityBytes;

/**
 * ELF of the platform's machine, or a script with an interpreter line.
 * @throws SlipwayError `platform-mismatch`
 */
export function checkExecutable(name: string, head: Uint8Array, platform: Platform): void {
  if (Buffer.from(head.subarray(0, 2)).toString('latin1') === '#!') return;
  const found = elfIdentity(head);
  if (found === undefined) throw mismatch(name, platform, 'neither an ELF file nor a script');
  const { machine, littleEndian } = found;
  if (littleEndian && machine === elfMachine[platform]) return;
  const other = platforms.find((candidate) => elfMachine[candidate] === machine);
  throw mismatch(name, platform, other ? `an ELF file for ${other}` : `an ELF file for machine ${machine}`);
}

function mismatch(name: string, platform: Platform, found: string): SlipwayError {
  return new SlipwayError('platform-mismatch', `${name}: expected an executable for ${platform}, found ${found}`, {
    hint: 'Take the build for this platform, or declare the component as kind file.',
  });
}
