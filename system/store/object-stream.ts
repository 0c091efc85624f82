/** Gives an object of a store as a stream, to callers that pass it on whole. */
import { Readable } from 'node:stream';
import { SlipwayError } from '../../contract/errors.ts';
import type { OpenObject, StoreReader } from './reader.ts';

const pieceBytes = 256 * 1024;

/**
 * A caller that leaves the stream destroys it: then the request to the store ends, too.
 * @throws SlipwayError `object-missing`, and what opening throws; the stream fails with what reading throws
 */
export async function objectStream(store: StoreReader, key: string): Promise<Readable> {
  const leaving = new AbortController();
  const object = await store.open(key, undefined, leaving.signal);
  if (!object) throw new SlipwayError('object-missing', `the store has no ${key}`);
  return streamOf(object, leaving);
}

function streamOf(object: OpenObject, leaving: AbortController): Readable {
  let reading: Promise<number> | undefined;
  return new Readable({
    highWaterMark: pieceBytes,
    read() {
      const into = Buffer.allocUnsafe(pieceBytes);
      reading = object.read(into);
      reading.then(
        (count) => this.push(count === 0 ? null : into.subarray(0, count)),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      leaving.abort();
      const close = () => {
        object.close();
        done(error);
      };
      if (reading) reading.then(close, close);
      else close();
    },
  });
}
