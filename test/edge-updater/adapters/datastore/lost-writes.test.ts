/** What was found by the crash matrix: changes that were seen, were built upon, and did not outlive a power cut. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copyTree } from '../../../../edge-updater/adapters/datastore/copy-tree.ts';
import { SlotDirectory } from '../../../../edge-updater/adapters/disk/slot-directory.ts';
import { replaceLink } from '../../../../system/files/durable-file-sync.ts';
import { DiskLog } from '../../../fakes/disk-log.ts';
import { seenTree } from '../../../fakes/seen-tree.ts';
import { VolatileDisk } from '../../../fakes/volatile-disk.ts';

/** A folder on a disk that loses power. */
function cuttable() {
  const root = mkdtempSync(path.join(tmpdir(), 'lost-writes-'));
  let disk: VolatileDisk | undefined;
  return {
    root,
    /** @param isKilled by the end of it: the last flush does not happen */
    run(work: () => void, isKilled = false): void {
      disk ??= new VolatileDisk(root, seenTree(root), () => true);
      const log = new DiskLog(root, [], () => undefined);
      using _ = log;
      work();
      const flush = log.entries.findLastIndex(({ change }) => change.kind === 'flush');
      for (const { change } of isKilled ? log.entries.slice(0, flush) : log.entries) disk.apply(change);
    },
    left: () =>
      (disk?.after('nothing', Math.random) ?? []).map(({ file, ...rest }) => [path.relative(root, file), rest]),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

it('keeps the name and the mode of a single file that was copied', () => {
  using cut = cuttable();
  const [from, to] = [path.join(cut.root, 'from'), path.join(cut.root, 'to')];
  for (const folder of [from, to]) mkdirSync(folder);
  writeFileSync(path.join(from, 'token'), 'secret', { mode: 0o640 });
  cut.run(() => copyTree(from, to, 'token'));
  expect(new Map(cut.left() as [string, unknown][]).get('to/token')).toMatchObject({ kind: 'file', mode: 0o640 });
});

it('keeps the links of a slot that a process made which was killed before it flushed them', () => {
  using cut = cuttable();
  const slot = 'a'.repeat(64);
  const slots = new SlotDirectory(cut.root);
  mkdirSync(path.join(cut.root, 'slots', slot));
  cut.run(() => replaceLink(path.join(cut.root, 'current'), path.join('slots', slot)), true);
  expect(cut.left().map(([name]) => name)).not.toContain('current');
  cut.run(() => slots.point({ current: slot, previous: undefined }));
  expect(cut.left().map(([name]) => name)).toContain('current');
});
