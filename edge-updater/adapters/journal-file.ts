/**
 * The journal: an append-only log of whole states, and a checkpoint in two files. A record is its length and CRC-32
 * (both 32 bits, big-endian) and JSON, made durable one by one. Reading stops at the first record that is not whole:
 * what follows was never promised to anybody. Each value holds the state twice: as `state` in version 1, for updaters
 * that know no other, and whole as `state2`.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { toSlipwayError } from '../../contract/errors.ts';
import type { JournalPort } from '../ports.ts';
import { adoptState } from '../update/adopt.ts';
import { type DeviceState, deviceStateSchema } from '../update/state.ts';
import { stateInVersion1 } from '../update/state-version-1.ts';
import { exists, makeDirectory, onDisk, readIfThere, remove, replaceFile, writeAll } from './durable-file.ts';
import { TwinFile } from './twin-file.ts';

const headerBytes = 8;
const maxRecordBytes = 4 * 1024 * 1024;
/** Log length from which the next append makes a checkpoint first. */
const checkpointBytes = 256 * 1024;
const reserveBytes = 512 * 1024;

/** What a journal on the disk says. */
export type JournalContent =
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
  /** Space given up when there is no other left. */
  readonly #reserveFile: string;
  #descriptor: number;
  #length: number;
  #index: number;
  #last: DeviceState | undefined;

  /** Opens for writing: the torn end of the log is cut off. Only the holder of the instance lock may do this. */
  constructor(stateDirectory: string) {
    const directory = directoryOf(stateDirectory);
    makeDirectory(directory);
    const { state, index, wholeBytes } = scan(directory);
    this.#checkpoint = checkpointIn(directory);
    this.#reserveFile = path.join(directory, 'reserve');
    this.#logFile = path.join(directory, 'log');
    if (!readIfThere(this.#logFile)) replaceFile(this.#logFile, new Uint8Array());
    this.#descriptor = onDisk('open the journal', () => openSync(this.#logFile, 'r+'));
    this.#length = wholeBytes;
    this.#index = index;
    this.#last = state;
    this.#keepReserve();
    onDisk('cut the torn end of the journal', () => {
      if (fstatSync(this.#descriptor).size === wholeBytes) return;
      ftruncateSync(this.#descriptor, wholeBytes);
      fsyncSync(this.#descriptor);
    });
  }

  /** Durable when it returns. */
  append(state: DeviceState): void {
    if (this.#length > checkpointBytes && this.#last) this.#compact(this.#last);
    const record = encodeRecord(this.#index + 1, state);
    try {
      this.#write(record);
    } catch (error) {
      // On a full disk a rollback still has to be written down: the reserve is for that.
      if (toSlipwayError(error).code !== 'disk-full' || !exists(this.#reserveFile)) throw error;
      remove(this.#reserveFile);
      this.#write(record);
    }
    this.#length += record.length;
    this.#index++;
    this.#last = state;
  }

  #write(record: Uint8Array): void {
    onDisk('write the journal', () => {
      writeAll(this.#descriptor, record, this.#length);
      fsyncSync(this.#descriptor);
    });
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #keepReserve(): void {
    try {
      if (!exists(this.#reserveFile)) replaceFile(this.#reserveFile, Buffer.alloc(reserveBytes, 1));
    } catch (error) {
      // A disk that is full already has nothing to reserve; the next start tries again.
      if (toSlipwayError(error).code !== 'disk-full') throw error;
    }
  }

  /** The checkpoint is durable before the log becomes empty; records it already covers are told by their index. */
  #compact(state: DeviceState): void {
    this.#checkpoint.write(encodeJson(this.#index, state));
    onDisk('empty the journal', () => {
      ftruncateSync(this.#descriptor, 0);
      fsyncSync(this.#descriptor);
    });
    this.#length = 0;
  }
}

interface Scan {
  readonly state: DeviceState | undefined;
  readonly index: number;
  /** Length of the log up to the last whole record. */
  readonly wholeBytes: number;
  readonly isAbsent: boolean;
}

function scan(directory: string): Scan {
  const checkpoint = checkpointIn(directory).read();
  let newest: { index: number; state: DeviceState } | undefined;
  for (const value of checkpoint.values) {
    newest ??= decodeJson(value);
  }
  const log = readIfThere(path.join(directory, 'log'));
  let offset = 0;
  for (;;) {
    const record = log && decodeRecord(log, offset);
    if (!record) break;
    if (!newest || record.index > newest.index) newest = record;
    offset = record.end;
  }
  const isAbsent =
    checkpoint.values.length === 0 && checkpoint.damaged === 0 && (log === undefined || log.length === 0);
  return { state: newest?.state, index: newest?.index ?? 0, wholeBytes: offset, isAbsent };
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
