/** Nothing is acknowledged before its commit: on a disk that is full the commit fails, and so does all that it was for. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless } from '../../../../services/requirement.ts';
import { missingMounts, runOnTmpfs } from '../../../../services/tmpfs.ts';

const root = path.join(import.meta.dirname, '../../../../..');

const script = `
  import { rmSync, statfsSync, writeFileSync } from 'node:fs';
  import { openSqliteFleetState } from '${root}/distributor/adapters/database/sqlite/fleet-state.ts';
  import { anyReport, arrival, enrolAll, offer, report } from '${root}/test/fakes/fleet-facts.ts';
  const place = process.env.DEVICES;
  const state = await openSqliteFleetState(place + '/state');
  await enrolAll(state, 'a', 'b');
  const { bavail, bsize } = statfsSync(place);
  writeFileSync(place + '/fill', Buffer.alloc(bavail * bsize));
  const told = (work) => work.then(() => 'acknowledged', ({ code }) => code);
  const full = await Promise.all([
    told(state.storeReports('a', [report(1)], anyReport, 2)),
    told(state.answerCheck(arrival('b', 3), () => offer())),
  ]);
  rmSync(place + '/fill');
  const { acknowledgedThrough } = await state.findDevice('a');
  const attempts = await state.attemptsOf('b');
  const after = await told(state.storeReports('a', [report(1)], anyReport, 4));
  console.log(JSON.stringify({ full, acknowledgedThrough, attempts, after }));
`;

describeUnless(missingMounts, 'a commit that fails', () => {
  it('fails all that it was for, and leaves none of it', () => {
    expect(runOnTmpfs('size=16m', script)).toEqual({
      full: ['database-unavailable', 'database-unavailable'],
      acknowledgedThrough: 0,
      attempts: [],
      after: 'acknowledged',
    });
  });
});
