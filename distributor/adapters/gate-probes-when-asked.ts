/** Loads the HTTP client of gate probes when a gate asks first: most plans have none, and loading it takes long. */
import type { GateProbe } from '../rollout/campaigns/gates.ts';
import type { GateProbeOptions } from './gate-probes.ts';

export function gateProbesWhenAsked(options: GateProbeOptions): GateProbe & { close(): Promise<void> } {
  let opened: Promise<GateProbe & { close(): Promise<void> }> | undefined;
  const open = () => {
    opened ??= import('./gate-probes.ts').then(({ gateProbes }) => gateProbes(options));
    return opened;
  };
  return {
    ask: async (check, now) => (await open()).ask(check, now),
    close: async () => (await opened)?.close(),
  };
}
