/** The box of this machine as its configuration asks for it, looked at anew each time. */
import type { BoxReading } from '../../box/box.ts';
import type { BoxReader } from '../../box/box-machine.ts';
import { readBox } from '../../box/find-box.ts';
import type { Configuration } from '../../configuration.ts';
import { linuxMachine } from './linux-machine.ts';

/** Undefined where the service is a process of the updater's own and nobody states a box: there is none to look for. */
export function boxOfThisMachine({ service, box }: Configuration): BoxReader | undefined {
  if (service.manager !== 'systemd' && box === undefined) return undefined;
  const serviceUnit = service.manager === 'systemd' ? service.unit : undefined;
  return { read: (): Promise<BoxReading> => readBox(linuxMachine, { serviceUnit, stated: box ?? {} }) };
}
