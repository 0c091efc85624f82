/**
 * Proves a Slipway delta before it ships: applies it with the code that devices run. It says which part failed, so that
 * another method can be taken for it. The caller's encoder may know frames that it has written before.
 */
import { createHash } from 'node:crypto';
import { SlipwayError } from '../../contract/errors.ts';
import { type ApplyPorts, applyDelta } from '../apply.ts';
import { type OpenDelta, openDelta } from '../open-delta.ts';
import type { ZstdEncoder } from '../recipe/ports.ts';
import { openFileSource } from './file-source.ts';
import type { PartStore } from './part-store.ts';

type ProofResult =
  | { readonly kind: 'proved'; readonly opened: OpenDelta }
  /** `part` is the number of the part that did not come out; undefined when parts are right and the whole is not. */
  | { readonly kind: 'refuted'; readonly part: number | undefined; readonly why: string };

interface ProofOptions {
  /** Keeps parts from one attempt to the next. */
  readonly store: PartStore;
  readonly zstd: ZstdEncoder;
  /** Bytes of the target as they are written. */
  readonly onBytes?: (count: number) => void;
}

/** @throws SlipwayError `io-error` when a file cannot be read */
export async function proveSlipwayDelta(
  oldFile: string,
  deltaFile: string,
  options: ProofOptions,
): Promise<ProofResult> {
  const { store, zstd, onBytes } = options;
  const base = openFileSource(oldFile);
  const delta = openFileSource(deltaFile);
  let made = 0;
  const hash = createHash('sha256');
  const ports: ApplyPorts = {
    files: store,
    scratch: (length) => store.scratch(length),
    encoder: zstd,
    onPart: (index) => {
      made = index + 1;
    },
  };
  let opened: OpenDelta | undefined;
  try {
    opened = openDelta(delta);
    const sink = {
      write(chunk: Uint8Array) {
        hash.update(chunk);
        onBytes?.(chunk.length);
      },
    };
    await applyDelta(base, delta, opened, sink, ports);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code === 'io-error') throw error;
    const failed = opened !== undefined && made < opened.layout.parts.length ? made : undefined;
    return { kind: 'refuted', part: failed, why: `${error.code}: ${error.message}` };
  } finally {
    base[Symbol.dispose]();
    delta[Symbol.dispose]();
  }
  const found = hash.digest('hex');
  if (found === opened.layout.target.sha256) return { kind: 'proved', opened };
  return { kind: 'refuted', part: undefined, why: `expected digest ${opened.layout.target.sha256}, found ${found}` };
}
