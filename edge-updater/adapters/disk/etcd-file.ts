/** Opens the file of an etcd to count its members; see box/etcd-members.ts. Changes nothing. */
import path from 'node:path';
import { membersIn } from '../../box/etcd-members.ts';
import { openReadOnly } from './file-source.ts';

/** @param folder the data directory of an etcd */
export function etcdFileIn(folder: string): string {
  return path.join(folder, 'member', 'snap', 'db');
}

/** Undefined where it names none. @throws SlipwayError what openReadOnly throws */
export function membersOfFile(file: string): number | undefined {
  const source = openReadOnly(file);
  try {
    return membersIn(source);
  } finally {
    source.close();
  }
}
