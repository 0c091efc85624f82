/** Reads what `status` shows from the state directory, beside the process that holds the lock. */
import { readAdoption } from '../adapters/box/adoption-file.ts';
import { boxOfThisMachine } from '../adapters/box/box-of-this-machine.ts';
import { whyNotOurs } from '../adapters/box/box-program.ts';
import { readSafeguards } from '../adapters/box/safeguards.ts';
import { readConfiguration } from '../adapters/disk/configuration-file.ts';
import { readTransfer } from '../adapters/disk/download-directory.ts';
import { readHolder } from '../adapters/disk/instance-lock.ts';
import { readJournal } from '../adapters/disk/journal-file.ts';
import { readStatus } from '../adapters/disk/status-file.ts';
import { readServicePid } from '../adapters/service/exec-service.ts';
import type { DeviceReading } from '../commands/status.ts';

/** @throws SlipwayError `document-…` */
export async function readDevice(configFile: string): Promise<DeviceReading> {
  const configuration = readConfiguration(configFile);
  const { stateDir } = configuration;
  const content = readJournal(stateDir);
  const status = readStatus(stateDir);
  const holder = readHolder(stateDir);
  const adoption = readAdoption(stateDir);
  return {
    configuration,
    journal: content.kind === 'state' ? content.state : content.kind,
    holder,
    servicePid: readServicePid(stateDir),
    box: (await boxOfThisMachine(configuration)?.read()) ?? { kind: 'none' },
    safeguards: readSafeguards(stateDir),
    adoption: { isAdopted: adoption !== undefined, whyNotOurs: adoption && whyNotOurs(adoption, stateDir) },
    downloading: readTransfer(stateDir),
    // Nobody will poll where no daemon runs.
    nextPollAt: holder?.command === 'run' ? status?.nextPollAt : undefined,
    lastCheck: status?.lastCheck,
    // The daemon counts it; a process that is gone counts nothing.
    window: holder?.command === 'run' ? status?.window : undefined,
  };
}
