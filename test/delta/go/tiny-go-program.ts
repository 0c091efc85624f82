/**
 * Writes a small ELF program with the tables of the Go runtime: code with calls and data references, pclntab,
 * function data, moduledata. Its own code, so that a mistake in the reader cannot hide in the writer.
 */

export interface TinyFunction {
  readonly name: string;
  /** One-byte no-ops before the calls. */
  readonly padding: number;
  /** Name of the function it calls. */
  readonly calls: string;
}

export interface TinyProgram {
  readonly functions: readonly TinyFunction[];
  readonly goBefore120?: boolean;
  readonly extraData?: number;
}

const base = 0x400000;
const textOffset = 0x1000;
const page = 0x1000;

export function tinyGoProgram({ functions, goBefore120 = false, extraData = 0 }: TinyProgram): Uint8Array {
  const entries: number[] = [];
  let textLength = 0;
  for (const { padding } of functions) {
    entries.push(textLength);
    textLength += Math.ceil((padding + 16) / 16) * 16;
  }
  entries.push(textLength);
  const rodataOffset = textOffset + Math.ceil(textLength / page) * page;
  const tables = runtimeTables(functions, entries, goBefore120);
  const dataOffset = rodataOffset + Math.ceil(tables.bytes.length / page) * page;
  const items = dataOffset + extraData * 8;
  const dataLength = extraData * 8 + functions.length * 8 + 64 * 8;
  const file = new Uint8Array(dataOffset + dataLength);
  const view = new DataView(file.buffer);
  const word = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(18, 62, true);
  word(32, 64);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const segments = [
    [5, 0, textOffset + textLength],
    [4, rodataOffset, tables.bytes.length],
    [6, dataOffset, dataLength],
  ] as const;
  for (const [i, [flags, offset, length]] of segments.entries()) {
    const at = 64 + 56 * i;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, flags, true);
    word(at + 8, offset);
    word(at + 16, base + offset);
    word(at + 32, length);
    word(at + 40, length);
  }

  for (const [i, { padding, calls }] of functions.entries()) {
    const start = textOffset + (entries[i] as number);
    file.fill(0xcc, start, textOffset + (entries[i + 1] as number));
    file.fill(0x90, start, start + padding);
    const call = start + padding;
    file[call] = 0xe8;
    const callee = entries[functions.findIndex((other) => other.name === calls)] as number;
    view.setInt32(call + 1, textOffset + callee - (call + 5), true);
    file.set([0x48, 0x8d, 0x05], call + 5);
    view.setInt32(call + 8, items + 8 * i - (call + 12), true);
    file[call + 12] = 0xc3;
    word(items + 8 * i, base + start);
  }

  file.set(tables.bytes, rodataOffset);
  const module = items + 8 * functions.length;
  const place = base + rodataOffset + tables.pclntab;
  const at = (i: number, value: number) => word(module + 8 * i, value);
  at(0, place);
  at(1, place + 72);
  at(22, base + textOffset);
  at(23, base + textOffset + textLength);
  const types = goBefore120 ? 35 : 37;
  at(types, base + rodataOffset);
  at(types + 1, place);
  at(types + 2, base + rodataOffset);
  at(types + 3, base + rodataOffset + tables.functionData);
  return file;
}

interface Tables {
  readonly bytes: Uint8Array;
  readonly pclntab: number;
  readonly functionData: number;
}

/** findfunctab, function data, pclntab. Each function has an argument map and an inlining tree that names it. */
function runtimeTables(functions: readonly TinyFunction[], entries: readonly number[], goBefore120: boolean): Tables {
  const rowBytes = goBefore120 ? 40 : 44;
  const tree = goBefore120 ? { bytes: 20, name: 12 } : { bytes: 16, name: 4 };
  const find = findTable(entries);
  const functionData = align(find.length + 16);
  const pclntab = align(functionData + 8 + functions.length * tree.bytes + 32);
  const names = functions.map(({ name }) => Buffer.from(`${name}\0`, 'latin1'));
  const nameBytes = names.reduce((sum, name) => sum + name.length, 0);
  const units = align(72 + nameBytes);
  const table = align(units + 8);
  const rows = align(table + 8 * functions.length + 4) - table;
  const rowLength = align(rowBytes + 8);
  const bytes = new Uint8Array(pclntab + table + rows + functions.length * rowLength);
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number) => view.setUint32(at, value, true);
  bytes.set(find);
  word(functionData, 1);

  word(pclntab, goBefore120 ? 0xfffffff0 : 0xfffffff1);
  bytes.set([1, 8], pclntab + 6);
  for (const [i, value] of [functions.length, 0, base + textOffset, 72, units, units + 8, units + 8, table].entries()) {
    word(pclntab + 8 + 8 * i, value);
  }
  let nameAt = 0;
  for (const [i, name] of names.entries()) {
    bytes.set(name, pclntab + 72 + nameAt);
    const pair = pclntab + table + 8 * i;
    word(pair, entries[i] as number);
    word(pair + 4, rows + i * rowLength);
    const row = pclntab + table + rows + i * rowLength;
    word(row, entries[i] as number);
    word(row + 4, nameAt);
    bytes[row + rowBytes - 1] = 2;
    word(row + rowBytes, 0);
    bytes[row + rowBytes - 1] = 2;
    word(row + rowBytes + 4, 8 + i * tree.bytes);
    word(functionData + 8 + i * tree.bytes + tree.name, nameAt);
    nameAt += name.length;
  }
  word(pclntab + table + 8 * functions.length, entries[functions.length] as number);
  return { bytes, pclntab, functionData };
}

/** The slow way: for each 256 bytes of code the lowest function that has a byte in them. */
function findTable(entries: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  const end = entries.at(-1) as number;
  for (let bucket = 0; bucket < end; bucket += 4096) {
    const lowest = (piece: number) => entries.findIndex((_, i) => (entries[i + 1] ?? 0) > piece);
    const first = lowest(bucket);
    bytes.push(first & 0xff, first >> 8, 0, 0);
    for (let piece = bucket; piece < bucket + 4096 && piece < end; piece += 256) bytes.push(lowest(piece) - first);
  }
  return Uint8Array.from(bytes);
}

function align(value: number): number {
  return Math.ceil(value / 8) * 8;
}
