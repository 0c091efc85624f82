/**
 * The WebAssembly that codes range-coded streams (`../assembly/approximate`), one instance a process. It codes one
 * stream at a time: a stream that another one has displaced must not go on.
 */
import { SlipwayError } from '../../errors.ts';
import { approximateWasm } from '../compiled/approximate.ts';
import { instantiate, type ModuleAddress, type ModuleMemory } from '../compiled/instantiate.ts';
import type { AdaptiveNumbers, SymbolCoder } from './symbol-coder.ts';

/** Bytes of the stream that are passed at a time, at most. */
const streamBufferBytes = 16 * 1024;

/** Where a stream comes from, or goes to. */
export interface StreamEnd {
  /** Decoding: puts the next bytes into `target` and returns how many, at least one; throws when none are left. */
  fill(target: Uint8Array): number;
  /** Encoding: takes bytes, which are overwritten after it returns. */
  drain(bytes: Uint8Array): void;
}

/** What `exports.ts` of the module exports; addresses are bytes from the start of its memory. */
interface Exports {
  readonly memory: ModuleMemory;
  readonly streamBuffer: ModuleAddress;
  readonly oldChunk: ModuleAddress;
  readonly newChunk: ModuleAddress;
  readonly actualChunk: ModuleAddress;
  freeAll(): void;
  startDecoding(): void;
  bytesLeft(): number;
  startEncoding(): void;
  finishEncoding(): void;
  codePlainBits(bits: number, count: number): number;
  allocateNumbers(contexts: number): number;
  codeNumber(numbers: number, context: number, value: number): number;
  startReferences(family: number, oldLength: number, addressBase: number): number;
  startAlike(tableBits: number): void;
  codeAlikeChunk(length: number, known: number, oldStart: number, newStart: number): void;
  startOwn(length: number): void;
  codeOwnChunk(length: number): void;
  followChunk(length: number): void;
}

type ModelBuffer = 'streamBuffer' | 'oldChunk' | 'newChunk' | 'actualChunk';

let instance: Exports | undefined;
let memory = new Uint8Array(0);
/** The stream that is being coded. */
let current: StreamEnd | undefined;

function bytesAt(module: Exports, buffer: ModelBuffer, length: number): Uint8Array {
  // Another buffer after the memory grew.
  if (memory.buffer !== module.memory.buffer) memory = new Uint8Array(module.memory.buffer);
  const start = module[buffer].value;
  return memory.subarray(start, start + length);
}

function newInstance(): Exports {
  const host = {
    fill: (): unknown => current?.fill(bytesAt(module, 'streamBuffer', streamBufferBytes)),
    drain: (length: number): unknown => current?.drain(bytesAt(module, 'streamBuffer', length)),
  };
  const module: Exports = instantiate(approximateWasm, { 'range-coder': host });
  return module;
}

/** One stream of symbols; the newest one of the process is the one that can be coded. */
export class ModelStream implements SymbolCoder {
  readonly #end: StreamEnd;

  /** Ends every other stream. */
  constructor(end: StreamEnd) {
    instance ??= newInstance();
    instance.freeAll();
    this.#end = end;
    current = end;
  }

  /** @throws SlipwayError `internal` when another stream was started since */
  get module(): Exports {
    if (current !== this.#end || instance === undefined) throw new SlipwayError('internal', 'a displaced stream');
    return instance;
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
    return bytesAt(this.module, buffer, length);
  }
}
