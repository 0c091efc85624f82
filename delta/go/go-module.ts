/**
 * Runs the WebAssembly that makes predictions (`../assembly/go`), one instance a process. It serves one task at a time:
 * a task that another one has displaced must not go on.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { goWasm } from '../compiled/go.ts';
import { type ModuleAddress, type ModuleExports, SharedModule } from '../shared-module.ts';
import type { ShiftRuns } from './shift-table.ts';

/** What a task does for the module; what it is not asked for may be missing. */
interface GoHost {
  /** Fills `target` with the bytes of the old file from `offset` on, which are there. */
  readOld?(target: Uint8Array, offset: number): void;
  /** Takes the next bytes of what is made; they are overwritten after it returns. */
  writeNew?(bytes: Uint8Array): void;
  /** Takes listed references, see `assembly/go/code-range.ts`; they are overwritten after it returns. */
  takeReferences?(records: Uint8Array): void;
}

/** What `exports.ts` of the module exports; addresses are bytes from the start of its memory. */
interface GoExports extends ModuleExports {
  readonly list: ModuleAddress;
  readonly newEntries: ModuleAddress;
  readonly newCount: ModuleAddress;
  readonly places: ModuleAddress;
  readonly placeCount: ModuleAddress;
  allocate(bytes: number): number;
  createIndex(values: number, count: number): number;
  lastNotAbove(index: number, wanted: number): number;
  createShifts(starts: number, shifts: number, count: number): number;
  shifted(table: number, value: number): number;
  shiftSince(table: number, from: number, value: number): number;
  setOldFunctions(entries: number, count: number, text: number): void;
  setNewFunctions(matches: number, sizeChanges: number, count: number, text: number, maxCodeBytes: number): void;
  setMoves(edited: number, edits: number, others: number): void;
  mapNumber(address: number): number;
  areEntries(first: number, second: number): number;
  setGeometry(
    rowBytes: number,
    lowestAddress: number,
    addressEnd: number,
    oldTypes: number,
    newTypes: number,
    oldRodata: number,
    newRodata: number,
  ): void;
  openOldFile(length: number): void;
  openNewFile(limit: number): void;
  copyOld(offset: number, length: number): void;
  flush(): void;
  writeFunctions(architecture: number, textOffset: number): void;
  writeOtherCode(architecture: number, offset: number, length: number, address: number): void;
  writeWords(kind: number, offset: number, length: number, files: number): void;
  setRows(rows: number, offset: number, length: number): void;
  writeRows(
    pcDataChanges: number,
    functionDataChanges: number,
    names: number,
    pcTables: number,
    functionData: number,
    units: number,
  ): void;
  collectFunctionData(): void;
  writeFunctionData(offset: number, length: number, names: number): void;
  writeFindTable(entries: number, count: number): void;
  listReferences(architecture: number, code: number, length: number, address: number, inside: number): void;
}

/** In the order of `ports.ts` of the module. */
const refusals: readonly ((a: number, b: number) => string)[] = [
  () => 'side tables that multiply the old file',
  (offset, length) => `${length} bytes at ${offset} of the old file, which has fewer`,
  (index) => `the row of old function ${index} does not fit the table`,
  (pcData, functionData) => `a row with ${pcData} and ${functionData} entries`,
  (index, size) => `function ${index} of ${size} bytes`,
];

/** Bytes of a listed reference. */
export const referenceBytes = 24;

const shared = new SharedModule<GoExports, GoHost>(goWasm, (module) => ({
  ports: {
    readOld: (to, offset, length) => module.task.readOld?.(module.bytesAt(to, length), offset),
    writeNew: (from, length) => module.task.writeNew?.(module.bytesAt(from, length)),
    takeReferences(count) {
      const list = module.exportsFor(module.task).list.value;
      module.task.takeReferences?.(module.bytesAt(list, count * referenceBytes));
    },
    refuse(reason, a, b): never {
      throw new SlipwayError('delta-malformed', refusals[reason]?.(a, b) ?? `refusal ${reason}`);
    },
  },
}));

/** One task of the module; the newest one of the process is the one that can go on. */
export class GoModule {
  readonly #host: GoHost;

  /** Ends every other task, and frees what it had. */
  constructor(host: GoHost) {
    shared.begin(host);
    this.#host = host;
  }

  /** @throws SlipwayError `internal` when another task was begun since */
  get exports(): GoExports {
    return shared.exportsFor(this.#host);
  }

  /** Copies numbers into the module, and returns where they are. */
  put(numbers: Uint8Array | Uint32Array | Int32Array): number {
    const at = this.exports.allocate(numbers.byteLength);
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    shared.bytesAt(at, numbers.byteLength).set(bytes);
    return at;
  }

  /** Makes a table of shifts, and returns where it is. */
  putShifts(runs: ShiftRuns | undefined): number {
    if (runs === undefined) return this.exports.createShifts(0, 0, 0);
    return this.exports.createShifts(this.put(runs.starts), this.put(runs.shifts), runs.starts.length);
  }
}
