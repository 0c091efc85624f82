/** Chooses how a device is asked whether it is well, by its configuration. */
import path from 'node:path';
import { boxOfThisMachine } from '../adapters/box/box-of-this-machine.ts';
import { localMachine } from '../adapters/health/local-machine.ts';
import { CommandProbe } from '../adapters/service/command-probe.ts';
import { HttpProbe } from '../adapters/service/http-probe.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { Configuration } from '../configuration.ts';
import { type BoxHealth, HealthOfBox } from '../health/box-health.ts';
import { BoxProbe } from '../health/box-probe.ts';
import { type ProbeSettings, probesOf } from '../health/health-settings.ts';
import type { HealthProbe, SlotStore } from '../ports.ts';

/** @param box who looks at the K3s or K0s */
export function healthOf(
  configuration: Configuration,
  slots: Pick<SlotStore, 'currentLink' | 'manifest'>,
  box: BoxHealth | undefined,
): HealthProbe {
  const { health, stateDir } = configuration;
  const probes = probesOf(health).map((probe) => probeOf(probe, stateDir, health.probeTimeoutSeconds));
  return new BoxProbe({
    box: health.box === 'none' ? undefined : box,
    distribution() {
      const { currentLink } = slots;
      return currentLink === undefined ? undefined : slots.manifest(currentLink)?.distribution;
    },
    probes,
  });
}

/** Undefined where no K3s or K0s is looked for. */
export function healthOfBox(configuration: Configuration): BoxHealth | undefined {
  const { box, probeTimeoutSeconds } = configuration.health;
  const boxes = boxOfThisMachine(configuration);
  if (box === 'none' || !boxes) return undefined;
  const machine = localMachine(probeTimeoutSeconds, () => systemClock.monotonicSeconds());
  return new HealthOfBox({ ...box, boxes, machine });
}

function probeOf(probe: ProbeSettings, stateDir: string, timeoutSeconds: number): HealthProbe {
  if ('http' in probe) return new HttpProbe(probe.http.url, probe.http.expectStatus, timeoutSeconds);
  const current = path.join(stateDir, 'current');
  const command = probe.command.map((part) => part.replaceAll(/\{(slot|current)\}/g, current));
  return new CommandProbe(() => command, timeoutSeconds);
}
