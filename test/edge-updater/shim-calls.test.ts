/** The shim before libc by itself: it sees each kind of call, whoever makes it, and what goes past it shows. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { CallShim, noFault, type ShimPoint, shimMissing } from '../fakes/crash-shim/call-shim.ts';
import { ShimChanges } from '../fakes/crash-shim/shim-lines.ts';
import { seenTree } from '../fakes/seen-tree.ts';
import { VolatileDisk } from '../fakes/volatile-disk.ts';
import { describeUnless } from '../services/requirement.ts';
import { allBytes } from './crash-machine.ts';

const everyKind = `
  const fs = require('node:fs');
  const { DatabaseSync } = require('node:sqlite');
  process.chdir(process.argv[1]);
  fs.writeFileSync('written', 'one');
  fs.appendFileSync('written', 'two');
  fs.writeFileSync('written to cut', 'long enough');
  fs.writeFileSync('written to cut', 'short');
  const open = fs.openSync('parts', 'w+');
  fs.writevSync(open, [Buffer.from('a'), Buffer.from('bc'), Buffer.from('d')]);
  fs.writeSync(open, 'Z', 1);
  fs.writevSync(open, [Buffer.from('x'), Buffer.from('y')], 9);
  fs.ftruncateSync(open, 12);
  fs.fchmodSync(open, 0o640);
  fs.fsyncSync(open);
  fs.unlinkSync('parts');
  fs.writeSync(open, 'to nowhere');
  fs.copyFileSync('written', 'copied');
  fs.mkdirSync('a/b/c', { recursive: true });
  fs.cpSync('written', 'a/b/c/copied');
  fs.cpSync('a', 'tree', { recursive: true });
  fs.symlinkSync('a/b', 'link');
  fs.writeFileSync('link/through', 'by a link');
  fs.linkSync('written', 'second');
  fs.renameSync('tree/b', 'moved');
  fs.rmSync('a/b/c', { recursive: true });
  fs.mkdtempSync('temporary-');
  fs.truncateSync('copied', 2);
  fs.utimesSync('copied', 1, 1);
  fs.chmodSync('copied', 0o600);
  fs.rmdirSync('tree');
  const database = new DatabaseSync('data');
  database.exec('pragma journal_mode = wal; create table t (a); insert into t values (1)');
  fs.promises.writeFile('by a thread', 'four').then(() => fs.promises.copyFile('by a thread', 'again'));
`;

describeUnless(shimMissing, 'the shim before libc', () => {
  let folder: string;
  let root: string;
  let shim: CallShim;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shim-calls-'));
    root = path.join(folder, 'root');
    shim = new CallShim(folder);
  });
  beforeEach(() => {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { mode: 0o700 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = async (script: string, point: ShimPoint = noFault) => await shim.run(root, ['-e', script, root], point);
  const replayed = ({ lines }: Awaited<ReturnType<typeof run>>) => {
    const [disk, changes] = [new VolatileDisk(root, [], () => false), new ShimChanges()];
    const calls = lines.filter((line) => 'call' in line);
    for (const change of calls.flatMap((call) => changes.of(call))) disk.apply(change);
    return allBytes(disk.after('all', Math.random));
  };

  it('sees each kind of call', async () => {
    const life = await run(everyKind);
    expect([life.status, life.words]).toEqual([0, '']);
    expect(replayed(life)).toEqual(allBytes(seenTree(root)));
  });

  it('shows what goes past it', async () => {
    const [source, program] = [path.join(folder, 'past.c'), path.join(folder, 'past')];
    writeFileSync(
      source,
      '#include <fcntl.h>\nint main(int c, char **v) { return c > 1 ? creat(v[1], 0600) < 0 : 1; }',
    );
    // Nothing can come before its libc.
    execFileSync('gcc', ['-static', '-o', program, source]);
    const spawned = `require('node:child_process').spawnSync('${program}', [process.argv[1] + '/unseen'])`;
    const life = await run(`require('node:fs').writeFileSync(process.argv[1] + '/seen', ''); ${spawned}`);
    expect(seenTree(root).map(({ file }) => path.basename(file))).toEqual(['root', 'seen', 'unseen']);
    expect(replayed(life)).not.toEqual(allBytes(seenTree(root)));
  });

  const twice = `const fs = require('node:fs'); process.chdir(process.argv[1]); fs.mkdirSync('first');
    try { fs.mkdirSync('second') } catch (error) { fs.writeFileSync('code', error.code) }
    try { fs.mkdirSync('third') } catch (error) { console.error(error.code) }`;

  it('lets one call fail, or all from there on', async () => {
    await run(twice, { at: 2, fault: 'EIO' });
    expect(readFileSync(path.join(root, 'code'), 'utf8')).toBe('EIO');
    expect(seenTree(root).map(({ file }) => path.basename(file))).toEqual(['root', 'code', 'first', 'third']);
  });

  it('keeps a disk as full as it is', async () => {
    const { status, words } = await run(twice, { at: 2, fault: 'full' });
    expect([status, words]).toEqual([1, expect.stringContaining('ENOSPC')]);
    expect(seenTree(root).map(({ file }) => path.basename(file))).toEqual(['root', 'first']);
  });

  it('takes half of each write', async () => {
    const { lines } = await run(`require('node:fs').writeFileSync(process.argv[1] + '/f', 'abcdefgh')`, {
      at: 1,
      fault: 'short',
    });
    // libuv goes on by itself.
    const taken = lines.flatMap((line) =>
      'call' in line && line.hex ? [Buffer.from(line.hex, 'hex').toString()] : [],
    );
    expect(taken).toEqual(['abcd', 'ef', 'g', 'h']);
    expect(readFileSync(path.join(root, 'f'), 'utf8')).toBe('abcdefgh');
  });

  it('ends a process and what it has started', async () => {
    const child = `require('node:child_process').spawnSync(process.execPath, ['-e', "require('node:fs').mkdirSync('second')"])`;
    const { isKilled, status, lines } = await run(
      `process.chdir(process.argv[1]); require('node:fs').mkdirSync('first'); ${child}; require('node:fs').mkdirSync('third')`,
      { at: 2, fault: 'kill' },
    );
    expect([isKilled, status, lines.length]).toEqual([true, undefined, 2]);
    expect(seenTree(root).map(({ file }) => path.basename(file))).toEqual(['root', 'first']);
  });
});
