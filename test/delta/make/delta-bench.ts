/** Makes deltas between bytes in a folder of the test, and applies them the way devices do. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentProgress } from '../../../contract/progress.ts';
import { applyDelta } from '../../../delta/apply.ts';
import { memorySource } from '../../../delta/byte-source.ts';
import { encodePart } from '../../../delta/make/encode-part.ts';
import { type MadeSlipwayDelta, makeSlipwayDelta } from '../../../delta/make/make-delta.ts';
import { PartStore } from '../../../delta/make/part-store.ts';
import type { DeltaMakerPorts, PartEncoders } from '../../../delta/make/ports.ts';
import { openDelta } from '../../../delta/open-delta.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import type { ZstdEncoder } from '../../../delta/recipe/ports.ts';

/** Encodes in this process. */
export const ownEncoders: PartEncoders = {
  encode: (task) => encodePart(task),
  maxMemoryBytes: 2 ** 40,
  close: () => undefined,
};

const nodeZstd = libzstdEncoder();

export interface BenchDelta extends MadeSlipwayDelta {
  readonly bytes: Buffer;
  /** What the device gets from old file and delta. */
  readonly applied: Buffer;
  readonly said: readonly string[];
  /** Files left behind in the scratch folder. */
  readonly left: readonly string[];
}

export async function deltaBetween(
  old: Uint8Array,
  new_: Uint8Array,
  ports: Partial<DeltaMakerPorts> = {},
): Promise<BenchDelta> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-delta-bench-'));
  const scratch = mkdtempSync(join(folder, 'scratch-'));
  const file = (name: string) => join(folder, name);
  const said: string[] = [];
  try {
    writeFileSync(file('old'), old);
    writeFileSync(file('new'), new_);
    const made = await makeSlipwayDelta(file('old'), file('new'), file('delta'), {
      ...{ encoders: ownEncoders, vcdiff: undefined, scratch, zstd: nodeZstd, progress: silentProgress },
      say: (line) => said.push(line),
      ...ports,
    });
    const bytes = readFileSync(file('delta'));
    return {
      ...made,
      bytes,
      applied: await apply(old, bytes, scratch, ports.zstd ?? nodeZstd),
      said,
      left: readdirSync(scratch),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function apply(old: Uint8Array, delta: Uint8Array, scratch: string, encoder: ZstdEncoder): Promise<Buffer> {
  const written: Buffer[] = [];
  const source = memorySource(delta);
  using store = new PartStore(scratch);
  await applyDelta(
    memorySource(old),
    source,
    openDelta(source),
    { write: (c) => void written.push(Buffer.from(c)) },
    {
      files: store,
      scratch: (length) => store.scratch(length),
      encoder,
    },
  );
  return Buffer.concat(written);
}
