/** A store whose user dies at a chosen call: before the call had its effect, or right after it. */
import type { StoreWriter } from '../../system/store/writer.ts';

export class Death extends Error {}

export interface DyingStore extends StoreWriter {
  /** Calls so far that change the store or could. */
  readonly calls: number;
}

/** @param at the call that is fatal, from 1; beyond the last call nobody dies */
export function dyingStore(store: StoreWriter, at: number, when: 'before' | 'after'): DyingStore {
  let calls = 0;
  const fatal = async <T>(effect: () => Promise<T>): Promise<T> => {
    calls += 1;
    const mine = calls;
    if (mine > at || (mine === at && when === 'before')) throw new Death(`died before call ${mine}`);
    const result = await effect();
    if (mine === at) throw new Death(`died after call ${mine}`);
    return result;
  };
  return {
    ...store,
    get calls() {
      return calls;
    },
    putNew: (key, bytes) => fatal(() => store.putNew(key, bytes)),
    compareAndSwap: (key, etag, bytes) => fatal(() => store.compareAndSwap(key, etag, bytes)),
    putBlob: (key, source, onBytes) => fatal(() => store.putBlob(key, source, onBytes)),
  };
}
