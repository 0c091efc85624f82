/**
 * Runs in the process that applies a delta: `node apply-delta-child.ts REQUEST`, see delta/apply-message.ts. The target
 * goes to standard output as it is made, the verdict to descriptor 3. It ends when its parent does.
 */
import { writeSync } from 'node:fs';
import { describeError, toSlipwayError } from '../../../contract/errors.ts';
import { openDelta } from '../../../delta/open-delta.ts';
import { onDisk, writeFully } from '../../../system/files/durable-file-sync.ts';
import { type ApplyMessage, applyRequestSchema } from '../../delta/apply-message.ts';
import { openReadOnly } from '../disk/file-source.ts';
import { applyHere } from './apply-here.ts';

const targetDescriptor = 1;
const verdictDescriptor = 3;

async function run(): Promise<ApplyMessage> {
  const { maxMemoryBytes, zstdPrograms, maxEncoderThreads, parent, ...files } = applyRequestSchema.parse(
    JSON.parse(process.argv[2] ?? ''),
  );
  const checkWanted = () => {
    if (process.ppid !== parent) process.exit(1);
  };
  checkWanted();
  const delta = openReadOnly(files.delta);
  try {
    const opened = openDelta(delta);
    const target = {
      write: (chunk: Uint8Array) => onDisk('write the new file', () => writeFully(targetDescriptor, chunk)),
    };
    const means = { maxMemoryBytes, zstdPrograms, maxEncoderThreads };
    const cost = await applyHere({ ...means, files, delta, opened, target, checkWanted });
    return { kind: 'applied', ...cost };
  } finally {
    delta.close();
  }
}

let verdict: ApplyMessage;
try {
  verdict = await run();
} catch (thrown) {
  verdict = { kind: 'failed', ...describeError(toSlipwayError(thrown)) };
  process.exitCode = 1;
}
writeSync(verdictDescriptor, `${JSON.stringify(verdict)}\n`);
