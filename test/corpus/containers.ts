/**
 * Small containers made in memory, byte for byte as the programs that publish artifacts make them: for tests that need
 * a shape, not a size.
 */
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { createDeflateEncoder, type DeflateSettings } from '../../delta/flate/encoder.ts';

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function deflated(bytes: Uint8Array, settings: DeflateSettings): Buffer {
  const chunks: Uint8Array[] = [];
  const encoder = createDeflateEncoder(settings, (view) => chunks.push(view.slice()));
  encoder.write(bytes);
  encoder.finish();
  return Buffer.concat(chunks);
}

/** A gzip member as Go's gzip.Writer frames it. */
export function gzipped(bytes: Uint8Array, settings: DeflateSettings): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length, 4);
  const flags = settings.level === 9 ? 2 : settings.level === 1 ? 4 : 0;
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, flags, 255]);
  return Buffer.concat([header, deflated(bytes, settings), trailer]);
}

/** A ZIP as Go's archive/zip writes it: data descriptors behind the members, times absent. */
export function zipped(members: readonly NamedBytes[], settings: DeflateSettings | 'stored'): Buffer {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes } of members) {
    const data = settings === 'stored' ? Buffer.from(bytes) : deflated(bytes, settings);
    const method = settings === 'stored' ? 0 : 8;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt16LE(8, 6);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(name.length, 26);
    const descriptor = Buffer.alloc(16);
    descriptor.writeUInt32LE(0x08074b50, 0);
    const sizes = [crc32(bytes), data.length, bytes.length];
    for (const [i, value] of sizes.entries()) descriptor.writeUInt32LE(value, 4 + 4 * i);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 6);
    entry.writeUInt16LE(8, 8);
    entry.writeUInt16LE(method, 10);
    for (const [i, value] of sizes.entries()) entry.writeUInt32LE(value, 16 + 4 * i);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, Buffer.from(name));
    chunks.push(local, Buffer.from(name), data, descriptor);
    at += 30 + name.length + data.length + 16;
  }
  const directoryBytes = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...chunks, directoryBytes, end]);
}

/** A cpio archive of the "new ASCII" format, as the kernel's gen_init_cpio writes it, ended by its trailer. */
export function cpioed(files: readonly NamedBytes[], magic: '070701' | '070702' = '070701'): Buffer {
  const entry = (name: string, mode: number, bytes: Uint8Array, i: number) => {
    const checksum = magic === '070702' ? bytes.reduce((sum, byte) => sum + byte, 0) : 0;
    const fields = [i, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length + 1, checksum];
    const header = magic + fields.map((field) => field.toString(16).toUpperCase().padStart(8, '0')).join('');
    return [padded(Buffer.from(`${header}${name}\0`, 'latin1')), padded(bytes)];
  };
  const entries = files.flatMap(({ name, bytes }, i) => entry(name, 0o100755, bytes, i + 1));
  return Buffer.concat([...entries, ...entry('TRAILER!!!', 0, Buffer.alloc(0), 0)]);
}

/** With zeros up to an offset that four divides. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** A ustar with regular files, ended by two zero blocks. */
export function tarred(files: readonly NamedBytes[]): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 'latin1');
    header.write('0000755\0', 100, 'latin1');
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    header.write('ustar\x0000', 257, 'latin1');
    header.write('0', 156, 'latin1');
    header.fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return [header, Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** An ar archive as dpkg-deb writes it. */
export function archived(members: readonly NamedBytes[]): Buffer {
  const chunks = members.flatMap(({ name, bytes }) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0     0     100644  '}${`${bytes.length}`.padEnd(10)}\`\n`;
    return [Buffer.from(header, 'latin1'), Buffer.from(bytes), Buffer.from('\n'.repeat(bytes.length % 2))];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...chunks]);
}

export interface ZstdChoices {
  readonly level: number;
  readonly windowLog?: number;
  readonly longDistance?: boolean;
  readonly workers?: number;
  readonly checksum?: boolean;
}

/** A zstd frame with its content size, by Node's public call. */
export function zstandard(bytes: Uint8Array, choices: ZstdChoices): Buffer {
  return zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: choices.level,
      ...(choices.windowLog === undefined ? {} : { [constants.ZSTD_c_windowLog]: choices.windowLog }),
      ...(choices.longDistance === true ? { [constants.ZSTD_c_enableLongDistanceMatching]: 1 } : {}),
      [constants.ZSTD_c_checksumFlag]: choices.checksum === false ? 0 : 1,
      [constants.ZSTD_c_nbWorkers]: choices.workers ?? 0,
    },
  });
}

/** A 64-bit little-endian ELF of one segment that holds exactly `body`. */
export function elf(body: Uint8Array): Buffer {
  const header = Buffer.alloc(64 + 56);
  header.write('\x7fELF', 0, 'latin1');
  header.set([2, 1, 1], 4);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt16LE(64, 58);
  header.writeUInt32LE(1, 64);
  header.writeBigUInt64LE(BigInt(64 + 56 + body.length), 64 + 32);
  return Buffer.concat([header, body]);
}
