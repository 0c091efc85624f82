/** Members are counted in databases of a real etcd, while it runs and after it was killed, and never wrongly elsewhere. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, expect, it } from 'vitest';
import { memorySource } from '../../../delta/byte-source.ts';
import { linuxMachine } from '../../../edge-updater/adapters/box/linux-machine.ts';
import { membersIn } from '../../../edge-updater/box/etcd-members.ts';
import { missingCommands } from '../../services/commands.ts';
import { freePort } from '../../services/free-port.ts';
import { describeUnless } from '../../services/requirement.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'etcd-members-'));
const running: ChildProcess[] = [];
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(killAll);

async function killAll(): Promise<void> {
  for (const child of running.splice(0)) {
    const gone = once(child, 'close');
    if (child.kill('SIGKILL')) await gone;
  }
}

/** @returns their folders, once so many members are counted in each */
async function startMembers(name: string, count: number): Promise<string[]> {
  const members = [];
  for (let index = 0; index < count; index++) {
    const peer = `http://127.0.0.1:${await freePort()}`;
    members.push({ name: `${name}-${index}`, peer, client: `http://127.0.0.1:${await freePort()}` });
  }
  const cluster = members.map((member) => `${member.name}=${member.peer}`).join();
  const folders = members.map((member) => path.join(folder, member.name));
  for (const { name: member, peer, client } of members) {
    const own = ['--name', member, '--data-dir', path.join(folder, member)];
    const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster];
    const clients = ['--listen-client-urls', client, '--advertise-client-urls', client];
    running.push(spawn('etcd', [...own, ...peers, ...clients], { stdio: 'ignore' }));
  }
  const counts = () => folders.map((each) => linuxMachine.etcdMembers(each));
  for (const deadline = Date.now() + 60_000; counts().some((each) => each !== count); await pause(100)) {
    if (Date.now() > deadline) throw new Error(`never ${count}: ${counts()}`);
  }
  return folders;
}

describeUnless(missingCommands('etcd'), 'an etcd', () => {
  it.each([1, 3])('of %i is counted while it runs, and after a kill', async (count) => {
    const folders = await startMembers(`of-${count}`, count);
    await killAll();
    expect(folders.map((each) => linuxMachine.etcdMembers(each))).toEqual(folders.map(() => count));
  });

  it('whose database is damaged or cut is told rightly or not at all', async () => {
    const [place = ''] = await startMembers('damaged', 1);
    await killAll();
    const bytes = readFileSync(path.join(place, 'member', 'snap', 'db'));
    const told = new Set<number | undefined>();
    for (let length = 0; length < bytes.length; length += 509)
      told.add(membersIn(memorySource(bytes.subarray(0, length))));
    for (let at = 0; at < 8192; at += 7) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x55, at);
      told.add(membersIn(memorySource(changed)));
    }
    expect([...told].filter((count) => count !== undefined && count !== 1)).toEqual([]);
  });
});

it('a file that is no database of an etcd has no members', () => {
  for (const text of ['', 'x', 'SQLite format 3\0'.repeat(1000)]) {
    expect(membersIn(memorySource(Buffer.from(text)))).toBeUndefined();
  }
  expect(linuxMachine.etcdMembers('/nowhere')).toBeUndefined();
});
