/**
 * A program for decoder-memory.wide.test.ts and for people: `node measure-decode.ts OLD DELTA` decodes without keeping the
 * result and prints `{bytes, sha256, maxRssKiB, milliseconds}`. Linux only: `VmHWM` is the
 * peak of this program alone, while getrusage's maximum begins with that of the process that started it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { openFileSource } from '../../../delta/make/file-source.ts';
import { decodeVcdiff } from '../../../delta/vcdiff/decode.ts';

const [oldFile = '', deltaFile = ''] = process.argv.slice(2);
const source = openFileSource(oldFile);
const hash = createHash('sha256');
const started = performance.now();
let bytes = 0;
for await (const piece of decodeVcdiff(source, createReadStream(deltaFile))) {
  bytes += piece.length;
  hash.update(piece);
}
const milliseconds = Math.round(performance.now() - started);
const maxRssKiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
process.stdout.write(`${JSON.stringify({ bytes, sha256: hash.digest('hex'), maxRssKiB, milliseconds })}\n`);
