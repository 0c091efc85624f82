/**
 * An adopted box of the tests: the real copies and exchanges of its data, a real SQLite database, and a service in this
 * process in place of K3s. As systemd does, a start under a hold answers as if it had started. As Kubernetes does, a
 * release cannot read what a newer one has stored.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { BoxDataDirectory } from '../../edge-updater/adapters/datastore/box-data.ts';
import { type K3sPayloadSettings, K3sPayloads } from '../../edge-updater/adapters/datastore/k3s-payloads.ts';
import type { Adoption } from '../../edge-updater/adoption/adoption.ts';
import { type EdgeDevice, FakeService } from './edge-device.ts';

export class AdoptedBox extends FakeService {
  /** Storage version of each release; the same one unless said. */
  readonly storage = new Map<Digest, number>();
  /** How often each release has written since `recount`. */
  readonly written = new Map<Digest, number>();
  /** What its record says besides. */
  adopted: Partial<Adoption> = {};
  /** What watches the disk for the updater: what the service does there is none of its work. */
  faults: { aside<T>(work: () => T): T } | undefined;
  readonly #edge: EdgeDevice;

  constructor(edge: EdgeDevice) {
    super(() => edge.slots.currentLink);
    this.#edge = edge;
    mkdirSync(this.dataDir, { recursive: true });
    mkdirSync(`${this.configFile}.d`, { recursive: true });
    writeFileSync(this.configFile, 'of the old release', { mode: 0o640 });
    writeFileSync(`${this.configFile}.d/a.yaml`, 'a');
  }

  /** Its settings, which lie outside of the data directory. */
  get configFile(): string {
    return path.join(this.#edge.stateDirectory, 'etc/config.yaml');
  }

  get configuration(): readonly [text: string, mode: number, parts: readonly string[]] {
    const mode = statSync(this.configFile).mode & 0o777;
    return [readFileSync(this.configFile, 'utf8'), mode, readdirSync(`${this.configFile}.d`)];
  }

  get dataDir(): string {
    return path.join(this.#edge.stateDirectory, 'box');
  }

  get payloads(): K3sPayloads {
    const run: K3sPayloadSettings['run'] = async (program, args) => {
      const [, scratch = ''] = args.find((word) => word.startsWith('--data-dir='))?.split('=') ?? [];
      const [, slot = ''] = /slots\/([0-9a-f]+)\//.exec(program) ?? [];
      if (this.faults) this.faults.aside(() => this.#unpack(slot, scratch));
      else this.#unpack(slot, scratch);
      return { kind: 'ended', status: 1, stdout: '', stderr: 'unknown flag: --data-dir' };
    };
    const programOf = (release: Digest) => path.join(this.#edge.stateDirectory, 'slots', release, 'bin/k3s');
    const runDir = path.join(this.#edge.folder, 'run');
    // No process of this machine runs from there: to look through all of them takes longer than all else.
    return new K3sPayloads({ dataDir: this.dataDir, programOf, run, runDir, useOf: () => 'unused' });
  }

  /** A fresh look, as a new process has it. */
  get data(): BoxDataDirectory {
    const adoption = { ...adoptionOf(this.dataDir, this.configFile), ...this.adopted };
    return new BoxDataDirectory(adoption, this.#edge.stateDirectory);
  }

  override async restart(): Promise<void> {
    this.running = undefined;
    if (existsSync(path.join(this.#edge.stateDirectory, 'hold'))) return;
    const slot = this.#edge.slots.currentLink;
    if (slot !== undefined) {
      if (this.faults) this.faults.aside(() => this.#write(slot));
      else this.#write(slot);
    }
    await super.restart();
  }

  /** Takes what is on the disk for what was written. */
  recount(): void {
    this.written.clear();
    for (const writer of this.writers()) this.written.set(writer, (this.written.get(writer) ?? 0) + 1);
  }

  /** As systemd does at boot and after a crash: it starts what `current` names, unless that is held. */
  async boot(): Promise<void> {
    await this.restart().catch(() => undefined);
  }

  /** Releases that have written, in order. */
  writers(): Digest[] {
    return this.dump().map(({ writer }) => writer);
  }

  /** All rows of the datastore, in order. */
  dump(): readonly { readonly writer: Digest; readonly version: number; readonly token: string }[] {
    const copy = path.join(this.#edge.folder, 'seen');
    cpSync(path.join(this.dataDir, 'server/db'), copy, { recursive: true });
    const database = new DatabaseSync(path.join(copy, 'state.db'));
    const rows = database.prepare('select writer, version, token from kine order by id').all();
    database.close();
    rmSync(copy, { recursive: true });
    return rows.map((row) => ({ ...row }) as { writer: Digest; version: number; token: string });
  }

  /** What K3s compares with its datastore: it goes back with it. */
  get token(): string {
    return readFileSync(path.join(this.dataDir, 'server/token'), 'utf8');
  }

  /**
   * One run, ended as by SIGKILL: what it wrote last is in the write-ahead log only. A release that stores in a newer version
   * makes a new token, which its datastore knows; K3s ends where the two differ.
   */
  #write(slot: Digest): void {
    const file = path.join(this.dataDir, 'server/token');
    const database = this.#open();
    const open = ['', '-wal', '-shm'].map((ending) => path.join(this.dataDir, `server/db/state.db${ending}`));
    let killed: Uint8Array[] = [];
    try {
      const version = this.storage.get(slot) ?? 1;
      const query = 'select version as stored, token from kine order by id desc limit 1';
      const last = database.prepare(query).get() as { stored: number; token: string } | undefined;
      if (last && last.stored > version) throw new SlipwayError('service-start-failed', `stored in ${last.stored}`);
      if (last && last.token !== this.token) throw new SlipwayError('service-start-failed', 'the token is another');
      const token = last?.stored === version ? last.token : slot;
      database.prepare('insert into kine (writer, version, token) values (?, ?, ?)').run(slot, version, token);
      writeFileSync(file, token);
      // For what the older one does not know, somebody changes its settings.
      if (version > 1) this.#configure(slot);
      this.#unpack(slot, this.dataDir);
      killed = open.map((each) => readFileSync(each));
      this.written.set(slot, (this.written.get(slot) ?? 0) + 1);
    } finally {
      database.close();
    }
    for (const [index, bytes] of killed.entries()) writeFileSync(open[index] as string, bytes);
  }

  #configure(slot: Digest): void {
    writeFileSync(this.configFile, `for ${slot}`);
    writeFileSync(`${this.configFile}.d/b.yaml`, 'b');
  }

  /** As K3s does: its links are moved when a release is unpacked for the first time, and never back. */
  #unpack(slot: Digest, dataDir: string): void {
    const payload = this.payloadOf(slot);
    const unpacked = path.join(dataDir, 'data', payload);
    if (existsSync(unpacked)) return;
    mkdirSync(path.join(unpacked, 'bin'), { recursive: true });
    writeFileSync(path.join(unpacked, 'bin/k3s'), payload);
    mkdirSync(path.join(dataDir, 'data/cni'), { recursive: true });
    for (const [link, target] of [
      ['data/current', unpacked],
      ['data/cni/bridge', path.join(unpacked, 'bin/cni')],
    ] as const) {
      rmSync(path.join(dataDir, link), { force: true });
      symlinkSync(target, path.join(dataDir, link));
    }
  }

  /** The folder that a release unpacks to. */
  payloadOf(slot: Digest): string {
    return this.#edge.slots.manifest(slot)?.distribution?.payload ?? slot;
  }

  /** Payloads that K3s' own links name. */
  get linkedPayloads(): readonly string[] {
    const [current, cni] = ['data/current', 'data/cni/bridge'].map((name) =>
      readlinkSync(path.join(this.dataDir, name)),
    );
    return [path.basename(current ?? ''), path.basename(path.join(cni ?? '', '../..'))];
  }

  #open(): DatabaseSync {
    mkdirSync(path.join(this.dataDir, 'server/db'), { recursive: true });
    const database = new DatabaseSync(path.join(this.dataDir, 'server/db/state.db'));
    database.exec('pragma journal_mode=wal; pragma synchronous=off');
    database.exec('create table if not exists kine (id integer primary key, writer text, version integer, token text)');
    return database;
  }
}

export function adoptionOf(dataDir: string, configFile: string): Adoption {
  return {
    ...{ schemaVersion: 1, adoptedAt: '2026-12-01T00:00:00.000Z', distribution: 'k3s', role: 'server' },
    ...{ unit: 'k3s.service', program: '/usr/local/bin/k3s', dataDir, datastore: 'sqlite', installPath: 'bin/k3s' },
    configuration: [configFile, `${configFile}.d`],
    original: { mode: 0o755, uid: 0, gid: 0, mtimeMs: 0, length: 0, sha256: '0'.repeat(64) },
  };
}
