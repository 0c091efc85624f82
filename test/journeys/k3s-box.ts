/** What journeys of an adopted K3s box share: where its data is, how its updater is told of it, and an update from a bundle. */
import { askInSandbox } from '../services/sandboxed-unit.ts';
import type { SystemdMachine } from '../services/systemd-machine.ts';

export const k3sData = '/data/k3s';

/** What runs is what the link leads to. */
const isHealthy = `test "$(cat ${k3sData}/running-version)" = "$(/usr/local/bin/k3s --version | sed -n '1s/^k3s version \\([^ ]*\\).*/\\1/p')"`;

/** The text of edge.yaml. @param health how often and how long it has to be well */
export function k3sConfiguration(health: { readonly successes: number; readonly soakSeconds: number }): string {
  return JSON.stringify({
    ...{
      server: 'https://localhost:8443',
      product: 'k3s-edge',
      deviceId: 'box-1',
      trustedRoot: '/etc/slipway/root.json',
    },
    service: { manager: 'systemd', unit: 'k3s.service', stopTimeoutSeconds: 5 },
    health: {
      box: 'none',
      command: ['/bin/sh', '-c', isHealthy],
      ...{ intervalSeconds: 0.2, timeoutSeconds: 10 },
      ...health,
    },
  });
}

/** @param dropIn what the unit of the updater may besides */
export async function installBundle(
  machine: SystemdMachine,
  release: string,
  dropIn?: string,
): Promise<{ exitCode: number; printed: unknown }> {
  const command = `slipway-edge install /srv/bundles/${release} --json`;
  const { exitCode, stdout } = await askInSandbox(machine, command, dropIn);
  return { exitCode, printed: JSON.parse(stdout) };
}
