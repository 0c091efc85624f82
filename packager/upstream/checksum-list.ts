/**
 * Reads lists of checksums as K3s (`sha256sum-amd64.txt`) and K0s (`sha256sums.txt`) publish them: what sha256sum of
 * GNU coreutils writes. A line that is none of it is refused, and never passed over.
 */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';

/** Two blanks before the name, or a blank and `*` (binary mode). A leading backslash escapes names, which none has here. */
const linePattern = /^([0-9a-fA-F]{64}) [ *](\S.*)$/;

/**
 * Digests by name, without a leading `./`.
 * @param file the name used in messages
 * @throws SlipwayError `attachment-malformed`
 */
export function parseChecksums(bytes: Uint8Array, file: string): ReadonlyMap<string, Digest> {
  if (bytes.length > limits.maxChecksumsBytes) {
    throw malformed(file, `it has ${bytes.length} bytes, ${limits.maxChecksumsBytes} allowed`);
  }
  const found = new Map<string, Digest>();
  for (const [index, line] of textOf(bytes, file).split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [, digest, written] = linePattern.exec(line) ?? [];
    if (digest === undefined || written === undefined) {
      throw malformed(file, `line ${index + 1} is no digest and name`);
    }
    const [name, sha256] = [written.replace(/^\.\//, ''), digest.toLowerCase()];
    const known = found.get(name);
    if (known !== undefined && known !== sha256) throw malformed(file, `it names ${name} twice, with two digests`);
    found.set(name, sha256);
  }
  if (found.size === 0) throw malformed(file, 'it names no file');
  return found;
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed(file, 'it is not UTF-8', cause);
  }
}

function malformed(file: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('attachment-malformed', `expected a list of SHA-256 checksums in ${file}, but ${why}`, {
    hint: 'Give the file as upstream publishes it, such as sha256sum-amd64.txt of K3s.',
    cause,
  });
}
