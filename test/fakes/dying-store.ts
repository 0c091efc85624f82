/** A store whose user dies at a chosen call: before the call had its effect, or right after it. */
import type { Store } from '../../packager/publish/ports.ts';

export class Death extends Error {}

export interface DyingStore extends Store {
  /** Calls so far that change the store or could. */
  readonly calls: number;
}

/** @param at the call that is fatal, from 1; beyond the last call nobody dies */
export function dyingStore(store: Store, at: number, when: 'before' | 'after'): DyingStore {
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
    get calls() {
      return calls;
    },
    head: (key) => store.head(key),
    holds: (key, object) => store.holds(key, object),
    get: (key, maxBytes) => store.get(key, maxBytes),
    read: (key) => store.read(key),
    putNew: (key, bytes) => fatal(() => store.putNew(key, bytes)),
    compareAndSwap: (key, etag, bytes) => fatal(() => store.compareAndSwap(key, etag, bytes)),
    putBlob: (key, source, onBytes) => fatal(() => store.putBlob(key, source, onBytes)),
    close: () => store.close(),
  };
}
