/** Finds files with private keys, tokens and passwords that other accounts of the machine may read, too. */
import { stat } from 'node:fs/promises';

const readableByOthers = 0o077;

/** @param files undefined ones and those that cannot be looked at are left out: reading them says why */
export async function openSecrets(files: readonly (string | undefined)[]): Promise<{ file: string; mode: string }[]> {
  const found: { file: string; mode: string }[] = [];
  for (const file of files) {
    const mode = file === undefined ? 0 : await permissionsOf(file);
    if (file === undefined || (mode & readableByOthers) === 0) continue;
    found.push({ file, mode: mode.toString(8).padStart(4, '0') });
  }
  return found;
}

async function permissionsOf(file: string): Promise<number> {
  return stat(file).then(
    ({ mode }) => mode & 0o777,
    () => 0,
  );
}
