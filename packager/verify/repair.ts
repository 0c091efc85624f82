/**
 * Puts back what a store lost or holds with other bytes, out of a build folder or a bundle. Nothing is believed of
 * where it comes from: an object needs the digest that was signed, and metadata has to fit into the chain of trust of
 * the store.
 */
import { Readable } from 'node:stream';
import type { Digest } from '../../contract/digest.ts';

import { type ErrorCode, SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { silentProgress } from '../../contract/progress.ts';
import { metadataKey, timestampKey } from '../../contract/store-keys.ts';
import { type FetchMetadata, refreshTrust, type TrustedRepository } from '../../contract/trust/trusted-set.ts';
import type { RepeatableBytes, StoreWriter } from '../../system/store/writer.ts';
import { uploadAll } from '../publish/upload.ts';
import { fetchFrom, loadAllParts } from '../repository/state.ts';

/** Bytes by the keys of a store, not verified. */
export interface RepairSource {
  object(key: string): Promise<RepeatableBytes | undefined>;
}

export interface RepairedObject {
  readonly key: string;
  /** What was wrong with it. */
  readonly was: ErrorCode;
}

const damagedObject: ReadonlySet<ErrorCode> = new Set([
  'blob-missing',
  'object-missing',
  'digest-mismatch',
  'length-mismatch',
  'compression-invalid',
  'metadata-too-large',
]);
const damagedMetadata: ReadonlySet<ErrorCode> = new Set([
  'metadata-malformed',
  'metadata-too-large',
  'metadata-signature-invalid',
  'metadata-mismatched',
  'metadata-missing',
]);

export class Repair {
  readonly repaired: RepairedObject[] = [];
  readonly #store: StoreWriter;
  readonly #source: RepairSource;
  readonly #say: (line: string) => void;

  /** @param say one line for people: what was replaced */
  constructor(store: StoreWriter, source: RepairSource, say: (line: string) => void) {
    this.#store = store;
    this.#source = source;
    this.#say = say;
  }

  /** Runs a check of one object, and once more when the object could be replaced. @throws what the last check throws */
  async checked<T>(key: string, digest: Digest, check: () => Promise<T>): Promise<T> {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof SlipwayError) || !damagedObject.has(error.code)) throw error;
      const source = await this.#source.object(key);
      if (!source || !(await this.#replace(key, digest, source))) throw error;
      this.#note(key, error.code);
      return check();
    }
  }

  /**
   * The state of the store, where documents that spoil it may come from the source instead; these are written when all
   * of it has been verified.
   * @throws SlipwayError what is wrong with the first document that cannot be replaced
   */
  async trust(root: Uint8Array, now: Date): Promise<TrustedRepository> {
    const replaced = new Map<string, { readonly bytes: Uint8Array; readonly was: ErrorCode }>();
    for (;;) {
      let last = '';
      const stored = fetchFrom(this.#store);
      const fetch: FetchMetadata = async (name, maxBytes) => {
        last = name;
        return replaced.get(name)?.bytes ?? stored(name, maxBytes);
      };
      try {
        const trusted = await refreshTrust({ known: new Map([['root', root]]), fetch, now });
        for (const product of trusted.delegatedRoles) await loadAllParts(trusted, product);
        for (const [name, { bytes, was }] of replaced) await this.#writeMetadata(`metadata/${name}`, bytes, was);
        return trusted;
      } catch (error) {
        if (!(error instanceof SlipwayError) || !damagedMetadata.has(error.code) || replaced.has(last)) throw error;
        const bytes = await this.#metadata(last);
        if (!bytes) throw error;
        replaced.set(last, { bytes, was: error.code });
      }
    }
  }

  async #replace(key: string, digest: Digest, source: RepeatableBytes): Promise<boolean> {
    const object = { key, sha256: digest, length: source.length, open: () => source.open() };
    try {
      const options = { concurrency: 1, verifyExisting: true, progress: silentProgress };
      return (await uploadAll(this.#store, [object], options)).sentObjects === 1;
    } catch (error) {
      // The source is damaged, too: the finding about the store stays.
      if (error instanceof SlipwayError && damagedObject.has(error.code)) return false;
      throw error;
    }
  }

  async #metadata(name: string): Promise<Uint8Array | undefined> {
    const source = await this.#source.object(`metadata/${name}`);
    if (!source) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.open() as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    return name === 'timestamp.json' && (await this.#isOlder(bytes)) ? undefined : bytes;
  }

  /** A timestamp that the store has gone on from would take releases away (rollback). */
  async #isOlder(timestamp: Uint8Array): Promise<boolean> {
    const version = snapshotVersionIn(timestamp);
    if (version === undefined) return true;
    return (await this.#store.stat(metadataKey('snapshot', version + 1))) !== undefined;
  }

  async #writeMetadata(key: string, bytes: Uint8Array, was: ErrorCode): Promise<void> {
    // One that is too large is no publisher's, who would be overtaken: nobody can publish over it.
    if (key === timestampKey && was !== 'metadata-too-large') {
      const current = await this.#store.readWhole(key, limits.maxTimestampBytes);
      const swap = current
        ? await this.#store.compareAndSwap(key, current.etag, bytes)
        : await this.#store.putNew(key, bytes);
      if (swap === 'changed' || swap === 'exists') {
        throw new SlipwayError('publish-contended', 'another publisher works at the same time', {
          hint: 'Run the same command again when other publishers have finished.',
        });
      }
    } else {
      const open = () => Readable.from([bytes], { objectMode: false });
      await this.#store.putBlob(key, { length: bytes.length, open });
    }
    this.#note(key, was);
  }

  #note(key: string, was: ErrorCode): void {
    this.repaired.push({ key, was });
    this.#say(`repaired ${key}, which was found with ${was}`);
  }
}

function snapshotVersionIn(timestamp: Uint8Array): number | undefined {
  try {
    const version: unknown = JSON.parse(new TextDecoder().decode(timestamp)).signed.meta['snapshot.json'].version;
    return typeof version === 'number' ? version : undefined;
  } catch {
    return undefined;
  }
}
