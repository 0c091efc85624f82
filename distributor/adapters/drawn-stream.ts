/**
 * An object that a service sends as a stream, read by whoever wants the next bytes: nothing comes that nobody asked for. A
 * slow reader asks so seldom that the service, or our own time-out, ends the stream meanwhile; then it goes on with another
 * from where it was.
 */
import type { Readable } from 'node:stream';
import type { OpenObject } from '../catalog/ports.ts';

export interface StreamSource {
  readonly length: number;
  /** @returns a stream of the bytes of the object from here on, of those that are asked for */
  readonly openFrom: (offset: number) => Promise<Readable>;
  /** What to throw where a stream breaks that gave nothing. */
  readonly fail: (cause: unknown) => Error;
}

/** @param first what `openFrom(0)` gave */
export function drawnStream(first: Readable, { length, openFrom, fail }: StreamSource): OpenObject {
  let stream = listened(first);
  let pieces = piecesOf(stream);
  let rest: Buffer = Buffer.alloc(0);
  let given = 0;
  let hasGiven = false;

  const nextPiece = async (): Promise<Buffer> => {
    try {
      const next = await pieces.next();
      if (!next.done) return next.value;
      throw new Error(`the stream ended after ${given} of ${length} bytes`);
    } catch (cause) {
      if (!hasGiven) throw fail(cause);
      hasGiven = false;
      stream = listened(await openFrom(given));
      pieces = piecesOf(stream);
      return Buffer.alloc(0);
    }
  };

  return {
    length,
    async read(into) {
      if (given === length) return 0;
      while (rest.length === 0) rest = await nextPiece();
      const count = rest.copy(into);
      rest = rest.subarray(count);
      given += count;
      hasGiven = true;
      return count;
    },
    close: () => void stream.destroy(),
  };
}

function piecesOf(stream: Readable): AsyncIterator<Buffer> {
  return stream[Symbol.asyncIterator]();
}

/** Between two reads nobody listens: what breaks then is told by the next read. */
function listened(stream: Readable): Readable {
  return stream.on('error', () => undefined);
}
