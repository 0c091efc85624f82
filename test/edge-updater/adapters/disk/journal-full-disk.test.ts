/** The journal on disks that are really full: a small tmpfs in a mount namespace of its own. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless } from '../../../services/requirement.ts';
import { missingMounts, runOnTmpfs } from '../../../services/tmpfs.ts';

const root = path.join(import.meta.dirname, '../../../..');

const prelude = `
  import { rmSync, writeFileSync } from 'node:fs';
  import { JournalFile, readJournal } from '${root}/edge-updater/adapters/disk/journal-file.ts';
  import { blankState } from '${root}/edge-updater/update/state.ts';
  const folder = process.env.DEVICES;
  const journal = new JournalFile(folder);
  const append = (floor, rest = {}) => {
    try { journal.append({ ...blankState, ...rest, counterFloor: floor }); return 'written'; }
    catch (error) { return error.code; }
  };
  let files = 0;
  const fill = () => {
    for (let size = 65536; size >= 1; files++) {
      try { writeFileSync(folder + '/fill' + files, Buffer.alloc(size)); } catch { size = Math.floor(size / 2); }
    }
  };
  const fillInodes = () => {
    for (;; files++) try { writeFileSync(folder + '/fill' + files, ''); } catch { return; }
  };
  const floor = () => readJournal(folder).state.counterFloor;
  const appendMany = (count) => {
    const from = floor();
    for (let at = from + 1; at <= from + count; at++) {
      const outcome = append(at);
      if (outcome !== 'written') return outcome;
    }
    return floor() === from + count ? 'all written' : 'lost';
  };
`;

const report = (id: string) =>
  JSON.stringify({
    at: '2026-12-01T00:00:00Z',
    attempt: id,
    version: '1.0.0',
    phase: 'idle',
    message: 'm'.repeat(2000),
  });

describeUnless(missingMounts, 'the journal on a full disk', () => {
  it.each([
    ['bytes', 'fill()'],
    ['inodes', 'fillInodes()'],
    ['bytes and inodes', 'fillInodes(); fill()'],
  ])('without free %s is written on and on, also when somebody takes what it gives up', (_, takeAll) => {
    const script = `${prelude}
      append(1);
      ${takeAll};
      const outcomes = [];
      // Each round is longer than the log: it needs checkpoints.
      for (let round = 0; round < 3; round++) { outcomes.push(appendMany(1200)); ${takeAll}; }
      console.log(JSON.stringify(outcomes));`;
    expect(runOnTmpfs('size=2m,nr_inodes=100', script)).toEqual(['all written', 'all written', 'all written']);
  });

  it('refuses a state that is longer than all its room with disk-full, loses nothing, and goes on', () => {
    const script = `${prelude}
      append(1);
      fill();
      const outbox = Array.from({ length: 64 }, (_, i) => ({ ...${report('a')}, sequence: i + 1 }));
      const many = { outbox, rejected: [], held: Array.from({ length: 60 }, () => ({
        manifestSha256: 'a'.repeat(64), version: '1.0.0', code: 'disk-full', message: 'm'.repeat(1500), count: 1,
        since: '2026-12-01T00:00:00Z', at: '2026-12-01T00:00:00Z' })) };
      let last = 1;
      const refused = new Set();
      for (let at = 2; at < 8; at++) {
        const outcome = append(at, many);
        if (outcome === 'written') last = at;
        else refused.add(outcome);
      }
      const isKept = floor() === last;
      console.log(JSON.stringify({ isKept, refused: [...refused], small: append(9) }));`;
    expect(runOnTmpfs('size=2m', script)).toEqual({ isKept: true, refused: ['disk-full'], small: 'written' });
  });
});
