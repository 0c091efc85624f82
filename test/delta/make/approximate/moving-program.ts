/** Small programs of functions that call each other, in two versions: what a compiler makes after a line was added. */
import { numberedBytes } from './edited-bytes.ts';

const functionBytes = 96;
const callEvery = 16;
const headerBytes = 128;
const address = 0x400000;

export type Machine = 'x86' | 'arm64';

/**
 * A program in an ELF file: `functions` bodies that call each other, then a table of pointers to them.
 * @param grown which function has `by` bytes more, so that everything behind it moves
 */
export function programBytes(functions: number, grown = -1, by = 0, machine: Machine = 'x86'): Uint8Array {
  const starts = Array.from(
    { length: functions },
    (_, i) => headerBytes + i * functionBytes + (i > grown && grown >= 0 ? by : 0),
  );
  const end = headerBytes + functions * functionBytes + (grown >= 0 ? by : 0);
  const table = (end + 7) & ~7;
  const bytes = new Uint8Array(table + functions * 8);
  const view = new DataView(bytes.buffer);
  writeElfHeader(view, machine);
  for (const [i, start] of starts.entries()) {
    bytes.set(
      numberedBytes(functionBytes, i + 1).map((byte) => (byte & 0x3f) | 0x40),
      start,
    );
    for (let at = 0; at + 5 < functionBytes; at += callEvery) {
      const callee = (i * 31 + at * 7) % functions;
      const distance = (starts[callee] as number) - (start + at);
      if (machine === 'arm64') {
        view.setUint32(start + at, 0x94000000 + ((distance >> 2) & 0x03ffffff), true);
      } else {
        bytes[start + at] = 0xe8;
        view.setInt32(start + at + 1, distance - 5, true);
      }
    }
    view.setUint32(table + i * 8, address + start, true);
  }
  return bytes;
}

function writeElfHeader(view: DataView, machine: Machine): void {
  view.setUint16(18, machine === 'x86' ? 62 : 183, true);
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, 2);
  view.setUint8(5, 1);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setBigUint64(64 + 16, BigInt(address), true);
}
