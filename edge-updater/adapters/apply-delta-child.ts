/**
 * The program of the process that applies a delta: `node apply-delta-child.ts REQUEST`, see delta/apply-message.ts. The
 * target goes to standard output as it is made, the verdict to descriptor 3. It steps back for everything else on the
 * machine, watches its own memory, and ends when its parent does.
 */
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import * as zlib from 'node:zlib';
import type { ByteSource } from '../../contract/byte-source.ts';
import { applyDelta } from '../../contract/delta/apply.ts';
import { chunksOf } from '../../contract/delta/chunks.ts';
import { isDecoded, type OpenDelta, openDelta } from '../../contract/delta/open-delta.ts';
import { libzstdEncoder } from '../../contract/delta/recipe/libzstd.ts';
import { nodeDecoders } from '../../contract/delta/recipe/node-decoders.ts';
import { describeError, SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { decodeVcdiff } from '../../contract/vcdiff/decode.ts';
import { type ApplyMessage, type ApplyRequest, applyRequestSchema } from '../delta/apply-message.ts';
import { decompressZstd } from '../delta/decompress-zstd.ts';
import { onDisk, writeAll } from './durable-file.ts';
import { openFileSource } from './file-source.ts';
import { PartDirectory } from './part-directory.ts';

const targetDescriptor = 1;
const verdictDescriptor = 3;
/** Chunks are 64 KiB and more: memory is looked at every few MiB. */
const chunksPerLook = 32;

function stepBack(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  try {
    // The first to go when the machine runs out of memory (proc(5)).
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not every sandbox lets a process say so.
  }
}

/** Throws when this process is no longer wanted or has grown too large. */
function watch({ maxMemoryBytes, parent }: ApplyRequest): () => void {
  let chunks = 0;
  return () => {
    if (process.ppid !== parent) process.exit(1);
    if (chunks++ % chunksPerLook !== 0) return;
    const found = process.memoryUsage.rss();
    if (found <= maxMemoryBytes) return;
    throw new SlipwayError('memory-exceeded', `applying the delta took ${found} bytes, allowed are ${maxMemoryBytes}`, {
      hint: 'Raise delta.maxMemoryMiB, or forbid re-encoding with delta.allowReencode: false.',
    });
  };
}

function refuseWhatIsMissing({ needs }: OpenDelta, directory: PartDirectory): void {
  const version = needs.zstd?.version;
  if (version !== undefined && version !== process.versions.zstd) {
    throw new SlipwayError(
      'recipe-encoder-missing',
      `expected libzstd ${version}, this program carries ${process.versions.zstd ?? 'none'}`,
      { hint: 'Use a delta that does not open this artifact, or another version of the program.' },
    );
  }
  const free = directory.freeBytes() + directory.leftBytes();
  if (free >= needs.scratchBytes) return;
  const message = `applying the delta needs ${needs.scratchBytes} bytes of free space, there are ${free}`;
  throw new SlipwayError('disk-full', message, { hint: `Free ${needs.scratchBytes - free} bytes.` });
}

async function* copiesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (const chunk of chunksOf(source)) yield chunk.slice();
}

async function run(): Promise<ApplyMessage> {
  const request = applyRequestSchema.parse(JSON.parse(process.argv[2] ?? ''));
  const checkStopped = watch(request);
  checkStopped();
  stepBack();
  const delta = openFileSource(request.delta);
  const opened = openDelta(delta);
  const base = openFileSource(request.base);
  const directory = new PartDirectory(request.scratch);
  let made = 0;
  try {
    refuseWhatIsMissing(opened, directory);
    const sink = {
      write(chunk: Uint8Array) {
        checkStopped();
        onDisk('write the new file', () => writeAll(targetDescriptor, chunk));
      },
    };
    await applyDelta(base, delta, opened, sink, {
      files: {
        finished: (name, length) => directory.finished(name, length),
        begin(name) {
          if (name.startsWith('new-')) made++;
          return directory.begin(name);
        },
      },
      scratch: () => directory.scratch(),
      decoders: nodeDecoders(zlib),
      encoder: libzstdEncoder(zlib, process.versions.zstd),
      async vcdiff(old, patch, length, target) {
        for await (const piece of decodeVcdiff(old, copiesOf(patch), length)) target.write(piece);
      },
      async zstd(frame, _length, target) {
        for await (const piece of decompressZstd(copiesOf(frame))) target.write(piece);
      },
      checkStopped,
    });
  } finally {
    directory.close();
    base.close();
    delta.close();
  }
  const decoded = opened.layout.parts.filter(isDecoded).length;
  const parts = opened.layout.parts.length;
  const resumedParts = parts === 1 ? 0 : decoded - made;
  return { kind: 'applied', peakRssBytes: peakRssBytes(), seconds: process.uptime(), parts, resumedParts };
}

/** VmHWM: what getrusage tells begins with the parent's peak. */
function peakRssBytes(): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return found === null ? process.resourceUsage().maxRSS * 1024 : Number(found[1]) * 1024;
}

let verdict: ApplyMessage;
try {
  verdict = await run();
} catch (thrown) {
  verdict = { kind: 'failed', ...describeError(toSlipwayError(thrown)) };
  process.exitCode = 1;
}
writeSync(verdictDescriptor, `${JSON.stringify(verdict)}\n`);
