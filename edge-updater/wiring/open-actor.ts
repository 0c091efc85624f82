/** Opens the actor: the adapters that touch the box, behind the list of what may be asked, by its own record of the box. */
import { randomUUID } from 'node:crypto';
import { SlipwayError } from '../../contract/errors.ts';
import { type Actions, actionNames } from '../actor/actions.ts';
import { ActorServer } from '../adapters/actor/actor-server.ts';
import { readAdoption } from '../adapters/box/adoption-file.ts';
import { boxOfThisMachine } from '../adapters/box/box-of-this-machine.ts';
import { BoxDataDirectory } from '../adapters/datastore/box-data.ts';
import { HoldFile } from '../adapters/datastore/hold-file.ts';
import { readConfiguration } from '../adapters/disk/configuration-file.ts';
import { SystemdService } from '../adapters/service/systemd-service.ts';
import type { Adoption } from '../adoption/adoption.ts';
import type { Configuration } from '../configuration.ts';
import type { ServiceManager } from '../ports.ts';
import { clusterOf } from './open-cluster.ts';
import { healthOfBox } from './open-health.ts';
import { payloadsOf } from './open-payloads.ts';
import { preflightOf } from './open-preflight.ts';

/** Between two questions of a probation there are less, as a rule. */
const idleSeconds = 30;

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const firstPassed = 3;

/**
 * Serves until nobody has asked for a while. What keeps it from doing anything is its answer: were it to end, systemd would
 * start it again for the same question.
 * @param recordFolder has the record of the box, where the updater cannot write
 * @throws SlipwayError `usage` where systemd passed no socket
 */
export async function actUntilIdle(configFile: string, recordFolder: string, signal: AbortSignal): Promise<void> {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  if (LISTEN_PID !== String(process.pid) || LISTEN_FDS !== '1') {
    throw new SlipwayError('usage', 'the actor is started by systemd, with its socket', {
      hint: 'Run systemctl start slipway-actor.socket.',
    });
  }
  const server = new ActorServer(actionsBy(configFile, recordFolder), idleSeconds);
  await server.listen({ fd: firstPassed });
  await server.ended(signal);
}

/** By the files of this machine; where they cannot be read each action throws why. */
export function actionsBy(configFile: string, recordFolder: string): Actions {
  try {
    const adoption = readAdoption(recordFolder);
    if (adoption) return actionsOn(adoption, readConfiguration(configFile));
    throw new SlipwayError('box-unknown', `${recordFolder} has no record of an adopted box`, {
      hint: 'Run slipway-edge adopt.',
    });
  } catch (thrown) {
    const fail = () => Promise.reject(thrown);
    return Object.fromEntries(actionNames.map((name) => [name, fail])) as unknown as Actions;
  }
}

/** @param service says whether the unit of the box is down */
export function actionsOn(
  adoption: Adoption,
  configuration: Configuration,
  service: Pick<ServiceManager, 'condition'> = new SystemdService(adoption.unit, 0),
): Actions {
  const data = new BoxDataDirectory(adoption, configuration.stateDir);
  const hold = new HoldFile(configuration.stateDir);
  const box = boxOfThisMachine(configuration);
  const health = healthOfBox(configuration);
  const payloads = payloadsOf(adoption, configuration.stateDir);
  const preflight = preflightOf(configuration);
  const cluster = clusterOf(adoption);
  const still = async <T>(work: () => Promise<T>): Promise<T> => {
    await requireStill(hold, service);
    return work();
  };
  return {
    'read-box': async () => (await box?.read()) ?? { kind: 'none' },
    'look-at-health': async ({ stated, lease }, signal) => health?.look({ stated, lease }, signal),
    'wait-for': async ({ stated, lease }, signal) => health?.waitsFor({ stated, lease }, signal),
    'look-at-facts': async ({ now }, signal) => {
      const reading = await box?.read();
      if (reading?.kind !== 'box' || !preflight) throw boxGone();
      return preflight.facts(reading.box, now, signal);
    },
    'tell-owner': () => data.owner(),
    claim: (release) => data.claim(release),
    measure: () => data.measure(),
    'take-snapshot': ({ passage, takenAt }) => still(() => data.snapshot(passage, takenAt)),
    'find-snapshot': (ways) => data.snapshotOf(ways),
    'put-back': (snapshot) => still(() => data.putBack(snapshot)),
    'find-set-aside': () => data.setAside(),
    'bring-back': ({ passage, takenAt }) => still(() => data.bringBack(passage, takenAt)),
    'put-links-back': (snapshot) => data.putLinksBack(snapshot),
    'finish-exchange': () => data.finishExchange(),
    'prune-snapshots': (keep) => data.prune(keep),
    // Without a name, each save is one of its own.
    'save-datastore': async (asked, signal) => cluster?.save(asked?.attempt ?? randomUUID(), signal),
    'tell-room-for-payload': async ({ payload, programBytes }) => payloads?.roomFor(payload, programBytes) ?? 0,
    'unpack-payload': async ({ release, payload }, signal) => payloads?.unpack(release, payload, signal),
    'link-payload': async (payload) => payloads?.link(payload),
    'settle-payload': async () => payloads?.settle(),
    'prune-payloads': async (keep) => payloads?.prune(keep),
  };
}

function boxGone(): SlipwayError {
  return new SlipwayError('box-unknown', 'the actor finds no box any more', { hint: 'Run slipway-edge status.' });
}

/** Whoever asks may be a stolen updater: data that a running K3s or K0s writes is neither copied nor exchanged for it. */
async function requireStill(hold: HoldFile, service: Pick<ServiceManager, 'condition'>): Promise<void> {
  const { isActive, isStarting, detail } = await service.condition();
  if (hold.isThere && !isActive && !isStarting) return;
  const why = hold.isThere ? detail : 'nothing holds its unit';
  throw new SlipwayError('io-error', `the data of the box is not touched: ${why}`, {
    hint: 'The updater holds and stops the unit before; look at its log.',
  });
}
