/**
 * Chooses who touches the box of this machine: the actor of an adopted one, else this process. A process that does it
 * itself is one that systemd or a person gave the rights to: at boot, while adopting, and where there is no actor.
 */
import {
  boxByActor,
  clusterByActor,
  dataByActor,
  healthByActor,
  payloadsByActor,
  preflightByActor,
} from '../adapters/actor/acted-box.ts';
import { ActorClient } from '../adapters/actor/actor-client.ts';
import { boxOfThisMachine } from '../adapters/box/box-of-this-machine.ts';
import { whyNotOurs } from '../adapters/box/box-program.ts';
import { listenAgain } from '../adapters/box/unit-folder.ts';
import { BoxDataDirectory } from '../adapters/datastore/box-data.ts';
import { bootId } from '../adapters/service/process-table.ts';
import type { Adoption } from '../adoption/adoption.ts';
import { datastoreOfCluster } from '../adoption/cluster-datastore.ts';
import type { Hands } from '../commands/command-context.ts';
import type { Configuration } from '../configuration.ts';
import type { World } from '../effects/world.ts';
import type { BoxHealth } from '../health/box-health.ts';
import { clusterOf } from './open-cluster.ts';
import { healthOfBox } from './open-health.ts';
import { payloadsOf } from './open-payloads.ts';
import { preflightOf } from './open-preflight.ts';

type BoxOfWorld = Pick<World, 'box' | 'data' | 'cluster' | 'payloads' | 'preflight' | 'bootId' | 'whyNotOurs'>;

export function openBox(
  configuration: Configuration,
  adoption: Adoption | undefined,
  hands: Hands,
): { readonly ofWorld: BoxOfWorld; readonly health: BoxHealth | undefined } {
  const { stateDir } = configuration;
  const preflight = preflightOf(configuration);
  const own = { box: boxOfThisMachine(configuration), preflight };
  if (!adoption) return { ofWorld: own, health: healthOfBox(configuration) };
  const ofAdopted = { bootId: bootId(), whyNotOurs: () => whyNotOurs(adoption, stateDir) };
  if (adoption.actor === undefined || hands === 'own') {
    const data = new BoxDataDirectory(adoption, stateDir);
    const payloads = payloadsOf(adoption, stateDir);
    const cluster = clusterOf(adoption);
    return { ofWorld: { ...own, ...ofAdopted, data, cluster, payloads }, health: healthOfBox(configuration) };
  }
  const actor = new ActorClient(adoption.actor, listenAgain);
  const acted = {
    ...{ box: boxByActor(actor), data: dataByActor(actor, stateDir, adoption) },
    cluster: datastoreOfCluster(adoption) === undefined ? undefined : clusterByActor(actor),
    payloads: adoption.distribution === 'k3s' ? payloadsByActor(actor) : undefined,
    preflight: preflight && preflightByActor(actor, preflight),
  };
  return { ofWorld: { ...acted, ...ofAdopted }, health: healthByActor(actor) };
}
