/**
 * Keeps the journal: a log of whole states, and a checkpoint in two files. A record is its length and CRC-32 (both 32
 * bits, big-endian) and JSON, made durable one by one. The whole record with the highest index counts, wherever it is:
 * one that is damaged hides none behind it. The log's blocks are there from the start, as zeros behind the last record,
 * so that a full disk, whatever fills it, does not keep a rollback from being written down. Each value holds the state
 * twice: as `state` in version 1, for updaters that know no other, and whole as `state2`.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { toSlipwayError } from '../../../contract/errors.ts';
import { isDiskCode } from '../../../system/files/disk-codes.ts';
import {
  exists,
  makeDirectory,
  onDisk,
  readIfThere,
  remove,
  replaceFileSync,
  writeFully,
} from '../../../system/files/durable-file-sync.ts';
import type { JournalPort } from '../../ports.ts';
import { adoptState } from '../../update/adopt.ts';
import { type DeviceState, deviceStateSchema } from '../../update/state.ts';
import { stateInVersion1 } from '../../update/state-version-1.ts';
import { TwinFile } from './twin-file.ts';

const headerBytes = 8;
const maxRecordBytes = 4 * 1024 * 1024;
/** Every record's JSON begins with it. */
const recordStart = Buffer.from('{"index":');
/** Log length from which the next append makes a checkpoint first. */
const checkpointBytes = 256 * 1024;
/** Blocks that the log owns: what comes before a checkpoint, and the largest state behind it. */
const allocatedBytes = 640 * 1024;
const reserveBytes = 64 * 1024;

/** What a journal on the disk says. */
type JournalContent =
  | { readonly kind: 'absent' }
  | { readonly kind: 'state'; readonly state: DeviceState }
  /** There was a journal, and no state can be read from it. */
  | { readonly kind: 'lost' };

/** Reads without changing anything, so that `status` can do it beside a running daemon. */
export function readJournal(stateDirectory: string): JournalContent {
  const { state, isAbsent } = scan(directoryOf(stateDirectory));
  if (state) return { kind: 'state', state };
  return isAbsent ? { kind: 'absent' } : { kind: 'lost' };
}

export class JournalFile implements JournalPort {
  readonly #checkpoint: TwinFile;
  readonly #logFile: string;
  /** A file given up for its inode and its blocks when there are no others left. */
  readonly #reserveFile: string;
  #descriptor: number;
  #length: number;
  #index: number;
  #last: DeviceState | undefined;

  /**
   * Opens for writing: what is behind the last record is made zeros. Only the holder of the instance lock may do this.
   */
  constructor(stateDirectory: string) {
    const directory = directoryOf(stateDirectory);
    makeDirectory(directory);
    const { state, index, wholeBytes } = scan(directory);
    this.#checkpoint = checkpointIn(directory);
    this.#reserveFile = path.join(directory, 'reserve');
    this.#logFile = path.join(directory, 'log');
    if (!readIfThere(this.#logFile)) replaceFileSync(this.#logFile, new Uint8Array());
    this.#descriptor = onDisk('open the journal', () => openSync(this.#logFile, 'r+'));
    this.#length = wholeBytes;
    this.#index = index;
    this.#last = state;
    // What was read is acted upon: a process that was killed may not have flushed it.
    onDisk('flush the journal', () => fsyncSync(this.#descriptor));
    this.#blank(wholeBytes);
    this.#keepReserve();
  }

  /** Durable when it returns. */
  append(state: DeviceState): void {
    if (this.#length > checkpointBytes && this.#last) this.#tryCompacting(this.#last);
    const record = encodeRecord(this.#index + 1, state);
    try {
      this.#writeAt(this.#length, record);
    } catch (error) {
      // On a full disk a rollback still has to be written down: the reserve is for that.
      if (toSlipwayError(error).code !== 'disk-full' || !exists(this.#reserveFile)) throw error;
      remove(this.#reserveFile);
      this.#writeAt(this.#length, record);
    }
    this.#length += record.length;
    this.#index++;
    this.#last = state;
  }

  #writeAt(offset: number, bytes: Uint8Array): void {
    onDisk('write the journal', () => {
      writeFully(this.#descriptor, bytes, offset);
      fsyncSync(this.#descriptor);
    });
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #keepReserve(): void {
    try {
      const { size } = fstatSync(this.#descriptor);
      if (size < allocatedBytes) this.#writeAt(size, Buffer.alloc(allocatedBytes - size));
      if (!exists(this.#reserveFile)) replaceFileSync(this.#reserveFile, Buffer.alloc(reserveBytes, 1));
    } catch (error) {
      // A disk that is full already has nothing to reserve; the next checkpoint tries again.
      if (toSlipwayError(error).code !== 'disk-full') throw error;
    }
  }

  /** Where a checkpoint cannot be made, the log goes on behind its bound. */
  #tryCompacting(state: DeviceState): void {
    try {
      this.#compact(state);
    } catch (error) {
      if (!isDiskCode(toSlipwayError(error).code)) throw error;
    }
  }

  /** The checkpoint is durable before the log becomes empty; records it already covers are told by their index. */
  #compact(state: DeviceState): void {
    this.#checkpoint.write(encodeJson(this.#index, state));
    this.#length = 0;
    this.#blank(0);
    this.#keepReserve();
  }

  /** Makes zeros of everything from there on; its blocks stay. */
  #blank(from: number): void {
    const left = onDisk('read the journal', () => readFileSync(this.#logFile)).subarray(from);
    if (!isZeros(left)) this.#writeAt(from, Buffer.alloc(left.length));
  }
}

/** The beginning of a torn record may be a few zeros. */
function isUnused(log: Buffer): boolean {
  return log.length === 0 || (log.length >= headerBytes && isZeros(log));
}

function isZeros(bytes: Buffer): boolean {
  return bytes.equals(Buffer.alloc(bytes.length));
}

interface Scan {
  readonly state: DeviceState | undefined;
  readonly index: number;
  /** Where the next record goes: behind the newest one of the log, which is behind the checkpoint. */
  readonly wholeBytes: number;
  readonly isAbsent: boolean;
}

function scan(directory: string): Scan {
  const checkpoint = checkpointIn(directory).read();
  let newest: { index: number; state: DeviceState } | undefined;
  for (const value of checkpoint.values) {
    newest ??= decodeJson(value);
  }
  const bytes = readIfThere(path.join(directory, 'log'));
  const log = bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let wholeBytes = 0;
  for (const record of log ? recordsOf(log) : []) {
    if (newest && record.index <= newest.index) continue;
    newest = record;
    wholeBytes = record.end;
  }
  const isAbsent = checkpoint.values.length === 0 && checkpoint.damaged === 0 && (log === undefined || isUnused(log));
  return { state: newest?.state, index: newest?.index ?? 0, wholeBytes, isAbsent };
}

/** Whole records; behind one that is not, the next that looks like one is tried. */
function* recordsOf(log: Buffer) {
  for (let offset = 0; offset >= 0; ) {
    const record = decodeRecord(log, offset);
    if (record) yield record;
    const next = log.indexOf(recordStart, record ? record.end + headerBytes : offset + headerBytes + 1);
    offset = next < 0 ? next : next - headerBytes;
  }
}

function encodeRecord(index: number, state: DeviceState): Uint8Array {
  const body = encodeJson(index, state);
  const record = Buffer.alloc(headerBytes + body.length);
  record.writeUInt32BE(body.length, 0);
  record.writeUInt32BE(crc32(body), 4);
  record.set(body, headerBytes);
  return record;
}

function decodeRecord(log: Uint8Array, offset: number): { index: number; state: DeviceState; end: number } | undefined {
  if (offset + headerBytes > log.length) return undefined;
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const length = view.getUint32(offset);
  const end = offset + headerBytes + length;
  if (length === 0 || length > maxRecordBytes || end > log.length) return undefined;
  const body = log.subarray(offset + headerBytes, end);
  if (crc32(body) !== view.getUint32(offset + 4)) return undefined;
  const decoded = decodeJson(body);
  return decoded && { ...decoded, end };
}

function encodeJson(index: number, state: DeviceState): Uint8Array {
  return Buffer.from(JSON.stringify({ index, state: stateInVersion1(state), state2: state }));
}

function decodeJson(bytes: Uint8Array): { index: number; state: DeviceState } | undefined {
  try {
    const { index, state, state2 } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
    if (!Number.isSafeInteger(index)) return undefined;
    for (const form of [state2, state]) {
      const parsed = deviceStateSchema.safeParse(form);
      if (parsed.success) return { index: index as number, state: adoptState(parsed.data) };
    }
    return undefined;
  } catch {
    return undefined;
  }
}

function directoryOf(stateDirectory: string): string {
  return path.join(stateDirectory, 'journal');
}

function checkpointIn(directory: string): TwinFile {
  return new TwinFile(path.join(directory, 'checkpoint'));
}
