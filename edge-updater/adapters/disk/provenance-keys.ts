/** Reads the public keys of those whose word on a release counts here. */
import { readFileSync } from 'node:fs';
import { SlipwayError } from '../../../contract/errors.ts';
import { type PublicKey, parseKey } from '../../../system/signing/signing-key.ts';

/** @throws SlipwayError `document-unreadable`, and what parseKey throws: a device that cannot read what it requires takes no release for good */
export function readProvenanceKeys(files: readonly string[]): PublicKey[] {
  return files.map((file) => {
    let pem: string;
    try {
      pem = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new SlipwayError('document-unreadable', `cannot read the key ${file}`, {
        hint: 'Correct require.provenance in edge.yaml, or put the public key there.',
        cause,
      });
    }
    return parseKey(pem, file);
  });
}
