/** Which machines are taken for one, and which for two: a sequence of checks, each at its minute, and who is refused. */
import { describe, expect, it } from 'vitest';
import { type MachineWatch, watchMachine } from '../../../../distributor/fleet/identity/machine-watch.ts';

/** `m1/b1@5`: machine m1 in its boot b1 checks at minute 5. @returns those that were refused */
function refusedOf(checks: string): { refused: string[]; found: number } {
  let watch: MachineWatch | undefined;
  const refused: string[] = [];
  let found = 0;
  for (const check of checks.split(' ')) {
    const [, id = '', boot = '', minute] = /^(.+)\/(.+)@(.+)$/.exec(check) ?? [];
    const watched = watchMachine(watch, { id, boot }, Number(minute) * 60_000);
    watch = watched.watch;
    if (watched.isRefused) refused.push(check);
    if (watched.isFound) found++;
  }
  return { refused, found };
}

describe('one machine', () => {
  it.each([
    ['reboots', 'm/a@0 m/a@15 m/b@30 m/b@45 m/c@60'],
    ['reboots while a request of before is still on its way', 'm/a@0 m/b@15 m/a@15.5 m/b@30'],
    ['was installed anew on the same state', 'm/a@0 n/b@15 n/b@30 n/c@45'],
    ['reboots more often than is kept', Array.from({ length: 30 }, (_, i) => `m/b${i}@${i * 5}`).join(' ')],
  ])('that %s is never refused', (_what, checks) => {
    expect(refusedOf(checks)).toEqual({ refused: [], found: 0 });
  });
});

describe('two machines', () => {
  it.each([
    ['with one machine id: the later one', 'm/a@0 m/b@15 m/a@30 m/b@45 m/a@60', ['m/b@45'], 1],
    ['with two machine ids: the later one', 'm/a@0 n/b@15 m/a@30 n/b@45 m/a@60', ['n/b@45'], 1],
    ['the clone, also after it rebooted', 'm/a@0 n/b@15 m/a@30 n/c@45 m/a@60', ['n/c@45'], 1],
    ['the clone, though the first machine rebooted in between', 'm/a@0 n/b@5 m/c@15 n/b@30 m/c@45', ['n/b@30'], 1],
    ['the clone, and not the first machine after a later reboot', 'm/a@0 m/b@5 m/a@15 m/c@30 m/b@45', ['m/b@45'], 1],
    [
      'a clone with the same machine id that reboots is found again',
      'm/a@0 m/b@5 m/a@15 m/c@20 m/a@30 m/c@35',
      ['m/c@35'],
      2,
    ],
  ])('%s is refused', (_what, checks, refused, found) => {
    expect(refusedOf(checks)).toEqual({ refused, found });
  });

  it('are not told by updaters that do not say where they run', () => {
    expect(watchMachine(undefined, undefined, 1)).toEqual({ watch: undefined, isRefused: false, isFound: false });
  });
});
