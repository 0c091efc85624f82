/**
 * Runs in the thread that signs snapshot and timestamp: the one place of this program that writes to the store, and that
 * has the online key. It ends after one look, and the key with it. See online-signer.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { describeError, type ErrorDescription, toSlipwayError } from '../../../contract/errors.ts';
import { readSigningKeys } from '../../../system/signing/key-files.ts';
import { readRoot } from '../../../system/signing/root-file.ts';
import { type OnlineOutcome, signOnline } from '../../../system/signing/sign-online.ts';
import { openWriter } from '../../../system/store/open-writer.ts';
import type { OnlineSignerPlace } from '../../freshness/ports.ts';

export interface SigningTask {
  readonly place: OnlineSignerPlace;
  /** Of an earlier look. */
  readonly known: OnlineOutcome['documents'] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type SigningAnswer =
  | { readonly kind: 'outcome'; readonly outcome: OnlineOutcome }
  | { readonly kind: 'failure'; readonly description: ErrorDescription };

async function look({ place, known, now }: SigningTask): Promise<OnlineOutcome> {
  const { passphraseFile, keys: key } = place;
  const around = { env: process.env, askPassphrase: async () => undefined };
  const files = passphraseFile === undefined ? { key } : { key, passphraseFile };
  const keys = await readSigningKeys(files, around, () => undefined);
  const store = await openWriter(place.store, process.env);
  try {
    const pinned = known ?? new Map([['root', await readRoot(place.root)]]);
    return await signOnline({ store, keys, known: pinned, now: new Date(now) });
  } finally {
    await store.close();
  }
}

async function answer(): Promise<SigningAnswer> {
  try {
    return { kind: 'outcome', outcome: await look(workerData as SigningTask) };
  } catch (error) {
    return { kind: 'failure', description: describeError(toSlipwayError(error)) };
  }
}

parentPort?.postMessage(await answer());
