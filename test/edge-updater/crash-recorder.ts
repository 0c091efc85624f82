/** What lets a machine of a crash scenario live, and logs what that changes. */
import path from 'node:path';
import { DiskLog, type LoggedChange } from '../fakes/disk-log.ts';
import type { CrashMachine, ServiceThen } from './crash-machine.ts';

type Log = readonly LoggedChange<ServiceThen>[];

export interface CrashRecorder {
  /** All of what is cut off. */
  act(machine: CrashMachine): Promise<Log>;
  /** As a new process that ends what the last one left. */
  start(machine: CrashMachine, what: string): Promise<Log>;
}

/** What the updater asks Node for. */
export const inThisProcess: CrashRecorder = {
  act: (machine) => logged(machine, () => machine.act()),
  start: (machine, what) => logged(machine, () => machine.started(what)),
};

async function logged(machine: CrashMachine, work: () => Promise<unknown>): Promise<Log> {
  const { edge, box } = machine.prepared;
  const log = new DiskLog(edge.folder, [box.dataDir, path.dirname(box.configFile)], () => machine.service);
  await machine.watched(log, work);
  return log.entries;
}
