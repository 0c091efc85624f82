/** Asks a running K0s for its status, by HTTP over the socket that only root may open. */
import { request } from 'node:http';
import { type K0sStatus, k0sStatusSchema } from '../../box/k0s-status.ts';

/** K0s itself may wait for its API server for minutes before it answers. */
const answerMs = 5000;
const maxBytes = 1024 * 1024;

/** Undefined where nobody answers in time, or says what no K0s says. */
export function askK0s(socketPath: string): Promise<K0sStatus | undefined> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/status', headers: { host: 'localhost' } }, (answer) => {
      const pieces: Buffer[] = [];
      let length = 0;
      answer.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > maxBytes) answer.destroy();
        else pieces.push(piece);
      });
      answer.on('end', () => resolve(parse(Buffer.concat(pieces).toString())));
    });
    const timer = setTimeout(() => asked.destroy(), answerMs);
    asked.on('error', () => resolve(undefined));
    asked.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.end();
  });
}

function parse(text: string): K0sStatus | undefined {
  try {
    return k0sStatusSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
