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
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../../contract/digest.ts';
import { BoxDataDirectory } from '../../edge-updater/adapters/datastore/box-data.ts';
import { type K3sPayloadSettings, K3sPayloads } from '../../edge-updater/adapters/datastore/k3s-payloads.ts';
import type { Adoption } from '../../edge-updater/adoption/adoption.ts';
import { type BoxRun, openBoxDatabase, unpackAsK3s, writeAsRelease } from './box-run.ts';
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

  /** @param isNew whether its folder is to be made */
  constructor(edge: EdgeDevice, isNew = true) {
    super(() => edge.slots.currentLink);
    this.#edge = edge;
    if (!isNew) return;
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
      if (this.faults) this.faults.aside(() => this.unpack(slot, scratch));
      else this.unpack(slot, scratch);
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
      const work = () => {
        this.serve(slot);
        this.written.set(slot, (this.written.get(slot) ?? 0) + 1);
      };
      if (this.faults) this.faults.aside(work);
      else work();
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

  /** How many rows one has; none where there is no datastore yet. */
  rowsOf(slot: Digest): number {
    if (!existsSync(path.join(this.dataDir, 'server/db/state.db'))) return 0;
    return this.writers().filter((writer) => writer === slot).length;
  }

  /** All rows of the datastore, in order. */
  dump(): readonly { readonly writer: Digest; readonly version: number; readonly token: string }[] {
    const copy = path.join(this.#edge.folder, 'seen');
    cpSync(path.join(this.dataDir, 'server/db'), copy, { recursive: true });
    const database = new DatabaseSync(path.join(copy, 'state.db'));
    // A first run may have been cut off before it made its table.
    const isMade = database.prepare("select 1 from sqlite_master where name = 'kine'").get() !== undefined;
    const rows = isMade ? database.prepare('select writer, version, token from kine order by id').all() : [];
    database.close();
    rmSync(copy, { recursive: true });
    return rows.map((row) => ({ ...row }) as { writer: Digest; version: number; token: string });
  }

  /** What K3s compares with its datastore: it goes back with it. */
  get token(): string {
    return readFileSync(path.join(this.dataDir, 'server/token'), 'utf8');
  }

  /** One run, ended as by SIGKILL: what it wrote last is in the write-ahead log only. */
  protected serve(slot: Digest): void {
    const database = openBoxDatabase(this.dataDir, 'off');
    const open = ['', '-wal', '-shm'].map((ending) => path.join(this.dataDir, `server/db/state.db${ending}`));
    let killed: Uint8Array[] = [];
    try {
      writeAsRelease(database, this.runOf(slot), writeFileSync);
      killed = open.map((each) => readFileSync(each));
    } finally {
      database.close();
    }
    for (const [index, bytes] of killed.entries()) writeFileSync(open[index] as string, bytes);
  }

  protected unpack(slot: Digest, dataDir: string): void {
    unpackAsK3s(this.payloadOf(slot), dataDir);
  }

  protected runOf(slot: Digest): BoxRun {
    const version = this.storage.get(slot) ?? 1;
    return { slot, version, payload: this.payloadOf(slot), dataDir: this.dataDir, configFile: this.configFile };
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
}

export function adoptionOf(dataDir: string, configFile: string): Adoption {
  return {
    ...{ schemaVersion: 1, adoptedAt: '2026-12-01T00:00:00.000Z', distribution: 'k3s', role: 'server' },
    ...{ unit: 'k3s.service', program: '/usr/local/bin/k3s', dataDir, datastore: 'sqlite', installPath: 'bin/k3s' },
    configuration: [configFile, `${configFile}.d`],
    original: { mode: 0o755, uid: 0, gid: 0, mtimeMs: 0, length: 0, sha256: '0'.repeat(64) },
  };
}
