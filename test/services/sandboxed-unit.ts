/** Runs a command in a machine inside everything that the shipped unit of the updater forbids itself. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SystemdMachine } from './systemd-machine.ts';

const shipped = path.join(import.meta.dirname, '..', '..', 'infra', 'systemd', 'slipway-edge.service');

/** Where the sandbox lets a command write. */
const answer = '/var/lib/slipway/printed';

/**
 * @param command as for sandboxedUnit
 * @param dropIn what the unit may besides
 */
export async function askInSandbox(
  machine: SystemdMachine,
  command: string,
  dropIn = '[Service]\n',
): Promise<{ exitCode: number; stdout: string }> {
  await machine.write(
    '/etc/systemd/system/ask.service',
    sandboxedUnit(`${command} > ${answer}; echo $$? >> ${answer}`),
  );
  await machine.write('/etc/systemd/system/ask.service.d/50-slipway-box.conf', dropIn);
  await machine.ask('systemctl', 'daemon-reload');
  await machine.ask('systemctl', 'start', 'ask.service');
  const lines = (await machine.ask('cat', answer)).split('\n');
  return { exitCode: Number(lines.at(-1)), stdout: lines.slice(0, -1).join('\n') };
}

/** @param command for /bin/sh, without double quotes; a `$` that the shell is to see is written `$$` */
function sandboxedUnit(command: string): string {
  const asking = { Type: 'Type=oneshot', Restart: 'Restart=no', ExecStart: `ExecStart=/bin/sh -c "${command}"` };
  return Object.entries(asking).reduce(
    (text, [name, line]) => text.replace(new RegExp(`^${name}=.*`, 'm'), () => line),
    readFileSync(shipped, 'utf8'),
  );
}
