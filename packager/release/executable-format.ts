/** Whether an executable can run on a platform, judged by its first bytes (System V ABI, ELF header). */
import { SlipwayError } from '../../contract/errors.ts';
import { elfMachine, type Platform, platforms } from '../../contract/release/platform.ts';

/** Bytes needed: up to and with `e_machine`. */
export const executableHeaderBytes = 20;

const littleEndian = 1;

/**
 * ELF of the platform's machine, or a script with an interpreter line.
 * @throws SlipwayError `platform-mismatch`
 */
export function checkExecutable(name: string, head: Uint8Array, platform: Platform): void {
  const bytes = Buffer.from(head);
  if (bytes.subarray(0, 2).toString('latin1') === '#!') return;
  const isElf = bytes.length >= executableHeaderBytes && bytes.subarray(0, 4).toString('latin1') === '\x7fELF';
  if (!isElf) throw mismatch(name, platform, 'neither an ELF file nor a script');
  const machine = bytes[5] === littleEndian ? bytes.readUInt16LE(18) : bytes.readUInt16BE(18);
  if (bytes[5] === littleEndian && machine === elfMachine[platform]) return;
  const other = platforms.find((candidate) => elfMachine[candidate] === machine);
  throw mismatch(name, platform, other ? `an ELF file for ${other}` : `an ELF file for machine ${machine}`);
}

function mismatch(name: string, platform: Platform, found: string): SlipwayError {
  return new SlipwayError('platform-mismatch', `${name}: expected an executable for ${platform}, found ${found}`, {
    hint: 'Take the build for this platform, or declare the component as kind file.',
  });
}
