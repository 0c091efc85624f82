/**
 * Makes the database of an etcd as far as its members are read from it: a bbolt file with two meta pages and a leaf, whose bucket
 * `members` lies inside its entry (go.etcd.io/bbolt, page.go and bucket.go).
 */
const pageBytes = 4096;
const headerBytes = 16;
const leafFlag = 0x02;

export function etcdDatabase(members: number): Buffer {
  return Buffer.concat([meta(0), meta(1), leaf(2, [{ key: 'members', value: inlineBucket(members), isBucket: true }])]);
}

function meta(id: number): Buffer {
  const page = Buffer.alloc(pageBytes);
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(0x04, 8);
  page.writeUInt32LE(0xed0cdaed, headerBytes);
  page.writeUInt32LE(2, headerBytes + 4);
  page.writeUInt32LE(pageBytes, headerBytes + 8);
  page.writeBigUInt64LE(2n, headerBytes + 16);
  page.writeBigUInt64LE(BigInt(id), headerBytes + 48);
  let hash = 0xcbf29ce484222325n;
  for (const byte of page.subarray(headerBytes, headerBytes + 56)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  page.writeBigUInt64LE(hash, headerBytes + 56);
  return page;
}

interface Entry {
  readonly key: string;
  readonly value: Buffer;
  readonly isBucket: boolean;
}

function inlineBucket(members: number): Buffer {
  const entries = Array.from({ length: members }, (_, index) => ({
    ...{ key: `member-${index}`, value: Buffer.from('{}'), isBucket: false },
  }));
  return Buffer.concat([Buffer.alloc(16), leaf(0, entries).subarray(0, 1024)]);
}

function leaf(id: number, entries: readonly Entry[]): Buffer {
  const page = Buffer.alloc(pageBytes);
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(leafFlag, 8);
  page.writeUInt16LE(entries.length, 10);
  let at = headerBytes + 16 * entries.length;
  for (const [index, { key, value, isBucket }] of entries.entries()) {
    const entry = headerBytes + 16 * index;
    const fields = [isBucket ? 1 : 0, at - entry, key.length, value.length];
    for (const [place, field] of fields.entries()) page.writeUInt32LE(field, entry + 4 * place);
    page.write(key, at, 'latin1');
    value.copy(page, at + key.length);
    at += key.length + value.length;
  }
  return page;
}
