/**
 * Keeps the trusted TUF set on the disk: one value in two files, so that it is always replaced as a whole. A damaged
 * newest set is healed from the one before it, and where none is whole from the pinned root.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { SlipwayError } from '../../../contract/errors.ts';
import { makeDirectory } from '../../../system/files/durable-file-sync.ts';
import type { MetadataStore, TrustedMetadata } from '../../ports.ts';
import { TwinFile } from './twin-file.ts';

const storedSchema = z.strictObject({
  schemaVersion: z.literal(1),
  timeFloor: z.number().int().min(0),
  /** Role name → document, Base64 of the bytes as received. */
  documents: z.record(z.string(), z.base64()),
});

export class MetadataDirectory implements MetadataStore {
  readonly #file: TwinFile;
  readonly #pinnedRoot: string;
  readonly #timeFloor: number;

  /**
   * @param pinnedRoot path of the root.json that came with the device
   * @param timeFloor milliseconds since 1970: when this program was made
   */
  constructor(stateDirectory: string, pinnedRoot: string, timeFloor: number) {
    const directory = path.join(stateDirectory, 'metadata');
    makeDirectory(directory);
    this.#file = new TwinFile(path.join(directory, 'trusted'));
    this.#pinnedRoot = pinnedRoot;
    this.#timeFloor = timeFloor;
  }

  load(): TrustedMetadata {
    for (const bytes of this.#file.read().values) {
      const trusted = decode(bytes);
      if (trusted) return { ...trusted, timeFloor: Math.max(trusted.timeFloor, this.#timeFloor) };
    }
    try {
      return { documents: new Map([['root', readFileSync(this.#pinnedRoot)]]), timeFloor: this.#timeFloor };
    } catch (cause) {
      throw new SlipwayError('trust-store-corrupt', `cannot read the pinned root ${this.#pinnedRoot}`, {
        cause,
        hint: 'Put the 1.root.json of your repository at the path that trustedRoot names.',
      });
    }
  }

  replace({ documents, timeFloor }: TrustedMetadata): void {
    const encoded = Object.fromEntries(
      [...documents].map(([role, bytes]) => [role, Buffer.from(bytes).toString('base64')]),
    );
    this.#file.write(Buffer.from(JSON.stringify({ schemaVersion: 1, timeFloor, documents: encoded })));
  }
}

function decode(bytes: Uint8Array): TrustedMetadata | undefined {
  try {
    const parsed = storedSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (!parsed.success || !parsed.data.documents.root) return undefined;
    const documents = Object.entries(parsed.data.documents).map(
      ([role, text]) => [role, Buffer.from(text, 'base64')] as const,
    );
    return { documents: new Map(documents), timeFloor: parsed.data.timeFloor };
  } catch {
    return undefined;
  }
}
