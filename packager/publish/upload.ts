/**
 * Brings content-addressed objects into a store: what is there is skipped, what is there with other bytes is replaced,
 * and what is sent is checked on its way.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import PQueue from 'p-queue';
import { SlipwayError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Holding, KnownObject, StoreWriter } from '../../system/store/writer.ts';

export interface Upload extends KnownObject {
  readonly key: string;
}

export interface UploadResult {
  readonly sentObjects: number;
  readonly sentBytes: number;
  readonly skippedObjects: number;
  /** Keys that held other bytes, which were replaced; counted as sent, too. */
  readonly healed: readonly string[];
}

interface UploadOptions {
  /** Objects in flight. */
  readonly concurrency: number;
  /** False: an object of the right length is believed. */
  readonly verifyExisting: boolean;
  readonly progress: Progress;
}

/**
 * @throws SlipwayError `digest-mismatch` when a file is not what its name says, or what the store throws; what was
 *   sent before stays and is skipped the next time
 */
export async function uploadAll(
  store: StoreWriter,
  uploads: readonly Upload[],
  { concurrency, verifyExisting, progress }: UploadOptions,
): Promise<UploadResult> {
  const distinct = [...new Map(uploads.map((upload) => [upload.key, upload])).values()];
  progress.expect(distinct.reduce((sum, { length }) => sum + length, 0));
  const queue = new PQueue({ concurrency });
  let sentObjects = 0;
  let sentBytes = 0;
  const healed: string[] = [];
  const send = async (upload: Upload): Promise<void> => {
    const holding = verifyExisting ? await store.holds(upload.key, upload) : await holdingByLength(store, upload);
    if (holding === 'same') {
      progress.advance(upload.length);
      return;
    }
    await store.putBlob(upload.key, { length: upload.length, open: () => checked(upload) }, progress.advance);
    if (holding === 'other') healed.push(upload.key);
    sentObjects += 1;
    sentBytes += upload.length;
  };
  try {
    await Promise.all(distinct.map((upload) => queue.add(() => send(upload))));
  } catch (error) {
    queue.clear();
    await queue.onIdle();
    throw error;
  }
  return { sentObjects, sentBytes, skippedObjects: distinct.length - sentObjects, healed: healed.sort() };
}

async function holdingByLength(store: StoreWriter, { key, length }: Upload): Promise<Holding> {
  const there = await store.stat(key);
  if (!there) return 'absent';
  return there.length === length ? 'same' : 'other';
}

/** Fails before its end is announced, so that no store shows an object under the wrong name. */
function checked({ key, sha256, open }: Upload): Readable {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of open() as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      yield chunk;
    }
    const found = hash.digest('hex');
    if (found !== sha256) {
      throw new SlipwayError('digest-mismatch', `${key}: expected ${sha256}, found ${found}`, {
        hint: 'The build folder was changed; run slipway-packager build again.',
      });
    }
  }
  return Readable.from(chunks(), { objectMode: false });
}

/** @throws SlipwayError `blob-missing` or `length-mismatch` for the first object that the store does not hold */
export async function requireStored(
  store: StoreWriter,
  objects: readonly { readonly key: string; readonly length: number }[],
  concurrency: number,
): Promise<void> {
  const queue = new PQueue({ concurrency });
  const check = async ({ key, length }: { key: string; length: number }): Promise<void> => {
    const there = await store.stat(key);
    if (!there) {
      throw new SlipwayError('blob-missing', `the store has no ${key}`, {
        hint: 'Run the same command again; nothing was made visible.',
      });
    }
    if (there.length === length) return;
    throw new SlipwayError('length-mismatch', `${key}: expected ${length} bytes in the store, found ${there.length}`);
  };
  await Promise.all(objects.map((object) => queue.add(() => check(object))));
}
