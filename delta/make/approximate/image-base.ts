/** Reads from a program's header what a patch can use: its machine and where its first byte lies in memory. */

/**
 * The virtual address of the first byte of a 64-bit little-endian ELF file, by its first loadable segment (System V
 * ABI, program header); 0 for anything else.
 */
export function imageBase(file: Uint8Array): number {
  if (!isElf(file)) return 0;
  const view = viewOf(file);
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  for (let i = 0; i < count && table + (i + 1) * size <= file.length && size >= 56; i++) {
    const header = table + i * size;
    if (view.getUint32(header, true) !== 1) continue;
    const base = view.getBigUint64(header + 16, true) - view.getBigUint64(header + 8, true);
    return base >= 0n && base < 0x8000_0000n ? Number(base) : 0;
  }
  return 0;
}

/** `e_machine` of a 64-bit little-endian ELF file; 0 for anything else. */
export function elfMachineOf(file: Uint8Array): number {
  return isElf(file) ? viewOf(file).getUint16(18, true) : 0;
}

function isElf(file: Uint8Array): boolean {
  return file.length >= 64 && viewOf(file).getUint32(0) === 0x7f454c46 && file[4] === 2 && file[5] === 1;
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}
