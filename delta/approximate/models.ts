/**
 * Runs the WebAssembly that codes range-coded streams (`../assembly/approximate`), one instance a process. It codes one
 * stream at a time: a stream that another one has displaced must not go on.
 */
import { approximateWasm } from '../compiled/approximate.ts';
import { type ModuleAddress, type ModuleExports, SharedModule } from '../shared-module.ts';
import type { AdaptiveNumbers, SymbolCoder } from './symbol-coder.ts';

/** Bytes of the stream that are passed at a time, at most. */
const streamBufferBytes = 16 * 1024;

/** Where a stream comes from, or goes to. */
interface StreamEnd {
  /** Decoding: puts the next bytes into `target` and returns how many, at least one; throws when none are left. */
  fill(target: Uint8Array): number;
  /** Encoding: takes bytes, which are overwritten after it returns. */
  drain(bytes: Uint8Array): void;
}

/** What `exports.ts` of the module exports; addresses are bytes from the start of its memory. */
interface Exports extends ModuleExports {
  readonly streamBuffer: ModuleAddress;
  readonly oldChunk: ModuleAddress;
  readonly newChunk: ModuleAddress;
  readonly actualChunk: ModuleAddress;
  startDecoding(): void;
  bytesLeft(): number;
  startEncoding(): void;
  finishEncoding(): void;
  codePlainBits(bits: number, count: number): number;
  allocateNumbers(contexts: number): number;
  codeNumber(numbers: number, context: number, value: number): number;
  startReferences(family: number, oldLength: number, addressBase: number): void;
  movePages(oldAt: number, alike: number, moved: number): void;
  settlePages(): void;
  startAlike(tableBits: number): void;
  codeAlikeChunk(length: number, oldStart: number, newStart: number): void;
  startOwn(length: number): void;
  codeOwnChunk(length: number): void;
  followChunk(length: number): void;
}

type ModelBuffer = 'oldChunk' | 'newChunk' | 'actualChunk';

const shared = new SharedModule<Exports, StreamEnd>(approximateWasm, (module) => {
  const streamBytes = (length: number) => module.bytesAt(module.exportsFor(module.task).streamBuffer.value, length);
  return {
    'range-coder': {
      fill: () => module.task.fill(streamBytes(streamBufferBytes)),
      drain: (length) => module.task.drain(streamBytes(length)),
    },
  };
});

/** One stream of symbols; the newest one of the process is the one that can be coded. */
export class ModelStream implements SymbolCoder {
  readonly #end: StreamEnd;

  /** Ends every other stream. */
  constructor(end: StreamEnd) {
    shared.begin(end);
    this.#end = end;
  }

  /** @throws SlipwayError `internal` when another stream was started since */
  get module(): Exports {
    return shared.exportsFor(this.#end);
  }

  plainBits(value: number, count: number): number {
    return this.module.codePlainBits(value, count) >>> 0;
  }

  numbers(contexts: number): AdaptiveNumbers {
    const numbers = this.module.allocateNumbers(contexts);
    return { code: (context, value) => this.module.codeNumber(numbers, context, value) >>> 0 };
  }

  /** The first bytes of one of the module's buffers, until its memory grows. */
  bytesAt(buffer: ModelBuffer, length: number): Uint8Array {
    return shared.bytesAt(this.module[buffer].value, length);
  }
}
