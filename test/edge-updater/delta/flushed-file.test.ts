import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { FlushedFile } from '../../../edge-updater/adapters/disk/flushed-file.ts';

it('writes a file of several flushes whole', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-flushed-'));
  const name = path.join(folder, 'file');
  const descriptor = openSync(name, 'w');
  try {
    const file = new FlushedFile(descriptor, name);
    const chunk = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 40; i++) file.write(chunk.fill(i));
    await file.finish();
    const found = readFileSync(name);
    expect(found.length).toBe(40 * chunk.length);
    for (let i = 0; i < 40; i++) expect(found[i * chunk.length]).toBe(i);
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
});

it('tells of a flush that failed on the way', async () => {
  // A device takes the bytes, but cannot be flushed (fsync(2): EINVAL for special files).
  const descriptor = openSync('/dev/null', 'w');
  try {
    const file = new FlushedFile(descriptor, '/dev/null');
    for (let i = 0; i < 17; i++) file.write(Buffer.alloc(1024 * 1024));
    await expect(file.finish()).rejects.toMatchObject({ code: 'io-error' });
  } finally {
    closeSync(descriptor);
  }
});
