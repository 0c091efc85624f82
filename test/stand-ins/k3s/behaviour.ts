/** What a k3s of the tests does at a start; it lies in its payload, so a release has it whatever starts it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { put } from './datastore.ts';

export interface Behaviour {
  readonly version: string;
  /** Of what it stores; an older release cannot read a newer one. */
  readonly storageVersion: number;
  /** Of its etcd, where it has one; without it, the etcd has no database yet. */
  readonly members?: number;
  /** What comes of saving that: `refused`, `none`: it says that it did and has not, `empty`. */
  readonly snapshots?: 'well' | 'refused' | 'none' | 'empty';
  /**
   * `exits` at once, `exits-later` when it was ready for a moment, `hangs` before it is ready, `never-healthy`: it is ready
   * and its health is not; each after it has migrated its datastore. `eats-disk` fills its data directory first.
   */
  readonly ends: 'well' | 'exits' | 'exits-later' | 'hangs' | 'never-healthy' | 'eats-disk';
}

const fileName = 'behaviour.json';

export function writeBehaviour(payload: string, behaviour: Partial<Behaviour>): void {
  mkdirSync(payload, { recursive: true });
  writeFileSync(path.join(payload, fileName), JSON.stringify({ storageVersion: 1, ends: 'well', ...behaviour }));
}

export function behaviourOf(payload: string): Behaviour {
  return JSON.parse(readFileSync(path.join(payload, fileName), 'utf8')) as Behaviour;
}

export async function misbehave({ ends, version }: Behaviour, database: DatabaseSync | undefined, data: string) {
  if (database) put(database, '/registry/started', version);
  switch (ends) {
    case 'exits':
      process.exit(7);
      break;
    case 'exits-later':
      setTimeout(() => process.exit(8), 300);
      break;
    case 'hangs':
      await pause(3_600_000);
      break;
    case 'eats-disk':
      mkdirSync(path.join(data, 'eaten'), { recursive: true });
      for (let i = 0; ; i++) writeFileSync(path.join(data, 'eaten', String(i)), Buffer.alloc(1024 * 1024));
    default:
      break;
  }
}
