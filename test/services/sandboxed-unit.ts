/** Makes a unit that runs one command inside everything that the shipped unit of the updater forbids itself. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const shipped = path.join(import.meta.dirname, '..', '..', 'infra', 'systemd', 'slipway-edge.service');

/** @param command for /bin/sh, without double quotes; a `$` that the shell is to see is written `$$` */
export function sandboxedUnit(command: string): string {
  const asking = { Type: 'Type=oneshot', Restart: 'Restart=no', ExecStart: `ExecStart=/bin/sh -c "${command}"` };
  return Object.entries(asking).reduce(
    (text, [name, line]) => text.replace(new RegExp(`^${name}=.*`, 'm'), () => line),
    readFileSync(shipped, 'utf8'),
  );
}
