/** The journal on a disk that is really full: a tmpfs of 2 MiB in a mount namespace of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless } from '../../services/requirement.ts';

const root = path.join(import.meta.dirname, '..', '..', '..');
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;
const missing = canMount ? undefined : 'mount namespaces (unshare -rm) are refused here';

const script = (folder: string) => `
  import { writeFileSync } from 'node:fs';
  import { JournalFile, readJournal } from '${root}/edge-updater/adapters/journal-file.ts';
  import { blankState } from '${root}/edge-updater/update/state.ts';
  const journal = new JournalFile('${folder}');
  journal.append({ ...blankState, counterFloor: 1 });
  let files = 0;
  const fill = () => {
    for (let size = 65536; size >= 1; files++) {
      try { writeFileSync('${folder}/fill' + files, Buffer.alloc(size)); } catch { size = Math.floor(size / 2); }
    }
  };
  let last = 1;
  const appendUpTo = (end) => {
    try { for (let floor = last + 1; floor <= end; floor++) { journal.append({ ...blankState, counterFloor: floor }); last = floor; } }
    catch (error) { return error.code; }
    return 'all written';
  };
  fill();
  const fromReserve = appendUpTo(3000);
  fill();
  const withoutReserve = appendUpTo(100000);
  console.log(JSON.stringify({ fromReserve, withoutReserve, kept: readJournal('${folder}').state.counterFloor === last }));
`;

describeUnless(missing, 'the journal on a full disk', () => {
  it('writes on from its reserve, then refuses with disk-full and loses nothing', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'full-disk-'));
    const file = path.join(folder, '..', `${path.basename(folder)}.ts`);
    writeFileSync(file, script(folder));
    const command = `mount -t tmpfs -o size=2m tmpfs "${folder}" && exec "${process.execPath}" "${file}"`;
    const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', command], { encoding: 'utf8' });
    rmSync(folder, { recursive: true, force: true });
    rmSync(file);
    // The reserve holds the log and both checkpoints, so it lasts for as long as a rollback may need.
    expect(JSON.parse(stdout || JSON.stringify({ stderr }))).toEqual({
      ...{ fromReserve: 'all written', withoutReserve: 'disk-full', kept: true },
    });
  });
});
