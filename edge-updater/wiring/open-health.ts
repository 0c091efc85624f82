/** Chooses how a device is asked whether it is well, by its configuration. */
import path from 'node:path';
import { boxOfThisMachine } from '../adapters/box/box-of-this-machine.ts';
import { localMachine } from '../adapters/health/local-machine.ts';
import { CommandProbe } from '../adapters/service/command-probe.ts';
import { HttpProbe } from '../adapters/service/http-probe.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { Configuration } from '../configuration.ts';
import { BoxProbe } from '../health/box-probe.ts';
import { type ProbeSettings, probesOf } from '../health/health-settings.ts';
import type { HealthProbe, SlotStore } from '../ports.ts';

export function healthOf(
  configuration: Configuration,
  slots: Pick<SlotStore, 'currentLink' | 'manifest'>,
): HealthProbe {
  const { health, stateDir } = configuration;
  const { box: settings, probeTimeoutSeconds } = health;
  const probes = probesOf(health).map((probe) => probeOf(probe, stateDir, probeTimeoutSeconds));
  return new BoxProbe({
    boxes: settings === 'none' ? undefined : boxOfThisMachine(configuration),
    machine: localMachine(probeTimeoutSeconds, () => systemClock.monotonicSeconds()),
    distribution() {
      const { currentLink } = slots;
      return currentLink === undefined ? undefined : slots.manifest(currentLink)?.distribution;
    },
    ...(settings === 'none' ? { podsIn: [], kubeletHealthz: '' } : settings),
    probes,
  });
}

function probeOf(probe: ProbeSettings, stateDir: string, timeoutSeconds: number): HealthProbe {
  if ('http' in probe) return new HttpProbe(probe.http.url, probe.http.expectStatus, timeoutSeconds);
  const current = path.join(stateDir, 'current');
  const command = probe.command.map((part) => part.replaceAll(/\{(slot|current)\}/g, current));
  return new CommandProbe(() => command, timeoutSeconds);
}
