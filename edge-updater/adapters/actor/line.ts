/** Reads the one line that a peer sends over a connection. */
import type { Socket } from 'node:net';

/** Undefined where the peer ends, fails, takes too long or sends more. */
export function lineFrom(socket: Socket, signal: AbortSignal, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const end = (line?: string) => {
      socket.off('data', take).off('end', lost).off('close', lost).off('error', lost);
      signal.removeEventListener('abort', lost);
      resolve(line);
    };
    const lost = () => end();
    const take = (piece: Buffer) => {
      length += piece.length;
      pieces.push(piece);
      const at = piece.indexOf(0x0a);
      if (length > maxBytes) end();
      else if (at >= 0) end(Buffer.concat(pieces).toString('utf8', 0, length - piece.length + at));
    };
    socket.on('data', take).on('end', lost).on('close', lost).on('error', lost);
    signal.addEventListener('abort', lost, { once: true });
    if (signal.aborted) end();
  });
}
