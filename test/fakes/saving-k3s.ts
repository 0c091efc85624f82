/** The command of a K3s that is a member of an etcd, in this process: each `etcd-snapshot save` makes one more file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { etcdSaver } from '../../edge-updater/adapters/datastore/etcd-saver.ts';
import type { ClusterDatastore } from '../../edge-updater/adoption/cluster-datastore.ts';
import type { ProgramRun } from '../../edge-updater/preflight/facts.ts';
import { etcdDatabase } from '../stand-ins/etcd-database.ts';
import { adoptionOf } from './adopted-box.ts';

export class SavingK3s {
  /** Absolute paths, the oldest first. */
  readonly saved: string[] = [];
  /** A clock that nobody sets. */
  moment = { boot: 'this boot', seconds: 1000 };
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** A fresh look, as a new process has it. */
  get cluster(): ClusterDatastore {
    const adoption = { ...adoptionOf(this.#dataDir, '/nonexistent.yaml'), datastore: 'etcd', members: 3 } as const;
    const run = async (_program: string, [, verb]: readonly string[]) => this.#run(verb);
    return etcdSaver(adoption, run, () => this.moment);
  }

  #run(verb: string | undefined): ProgramRun {
    if (verb === 'save') {
      const file = path.join(this.#dataDir, 'server/db/snapshots', `slipway-box-${1000 + this.saved.length}`);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, etcdDatabase(3));
      this.saved.push(file);
    }
    return { kind: 'ended', status: 0, stdout: '', stderr: '' };
  }
}
