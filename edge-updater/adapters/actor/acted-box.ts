/** The ports of an adopted box, by asking its actor. The hold lies in the state directory: the updater sets it by itself. */

import { toSlipwayError } from '../../../contract/errors.ts';
import type { Adoption } from '../../adoption/adoption.ts';
import type { BoxData } from '../../adoption/box-data.ts';
import { type ClusterDatastore, datastoreOfCluster } from '../../adoption/cluster-datastore.ts';
import type { Payloads } from '../../adoption/payloads.ts';
import type { BoxReading } from '../../box/box.ts';
import type { BoxReader } from '../../box/box-machine.ts';
import type { Preflight } from '../../effects/require-fit-box.ts';
import type { BoxHealth } from '../../health/box-health.ts';
import { evidence } from '../../health/evidence.ts';
import { HoldFile } from '../datastore/hold-file.ts';
import { OwnFolder } from '../datastore/own-folder.ts';
import type { ActorClient } from './actor-client.ts';

/** @param adoption the updater's record of the box */
export function dataByActor(actor: ActorClient, stateDirectory: string, adoption: Adoption): BoxData {
  const hold = new HoldFile(stateDirectory);
  const own = new OwnFolder(adoption.dataDir);
  return {
    isOfCluster: datastoreOfCluster(adoption) !== undefined,
    get wholeFor() {
      return own.wholeFor;
    },
    get isHeld() {
      return hold.isThere;
    },
    hold: (why) => hold.set(why),
    letGo: () => hold.lift(),
    owner: () => actor.ask('tell-owner', undefined),
    claim: (release) => actor.ask('claim', release),
    measure: () => actor.ask('measure', undefined),
    snapshot: (passage, takenAt) => actor.ask('take-snapshot', { passage, takenAt }),
    snapshotOf: ({ from, to }) => actor.ask('find-snapshot', { from, to }),
    putBack: (snapshot) => actor.ask('put-back', snapshot),
    setAside: () => actor.ask('find-set-aside', undefined),
    bringBack: (passage, takenAt) => actor.ask('bring-back', { passage, takenAt }),
    putLinksBack: (snapshot) => actor.ask('put-links-back', snapshot),
    finishExchange: () => actor.ask('finish-exchange', undefined),
    prune: (keep) =>
      actor.ask(
        'prune-snapshots',
        keep.map(({ from, to }) => ({ from, to })),
      ),
  };
}

export function clusterByActor(actor: ActorClient): ClusterDatastore {
  return { save: (attempt, signal) => actor.ask('save-datastore', { attempt }, signal) };
}

export function payloadsByActor(actor: ActorClient): Payloads {
  return {
    roomFor: (payload, programBytes) => actor.ask('tell-room-for-payload', { payload, programBytes }),
    unpack: (release, payload, signal) => actor.ask('unpack-payload', { release, payload }, signal),
    link: (payload) => actor.ask('link-payload', payload),
    settle: () => actor.ask('settle-payload', undefined),
    prune: (keep) => actor.ask('prune-payloads', [...keep]),
  };
}

/** Facts of the box as its actor sees it; programs are asked by the updater, which needs no right for that. */
export function preflightByActor(actor: ActorClient, { programs }: Pick<Preflight, 'programs'>): Preflight {
  return { programs, facts: (_, now, signal) => actor.ask('look-at-facts', { now }, signal) };
}

/** What keeps the actor from answering is a fact about this box. */
export function boxByActor(actor: ActorClient): BoxReader {
  return {
    read: () =>
      actor.ask('read-box', undefined).catch((thrown): BoxReading => {
        const { code, message } = toSlipwayError(thrown);
        return { kind: 'refused', code, message };
      }),
  };
}

export function healthByActor(actor: ActorClient): BoxHealth {
  return {
    look: ({ stated, lease }, signal) =>
      actor.ask('look-at-health', { stated, lease }, signal).then(
        (look) => look && { steps: look.steps, lease: look.lease },
        (thrown) => {
          const { code, message } = toSlipwayError(thrown);
          return { steps: [evidence('box', 'failed', `${code}: ${message}`)], lease };
        },
      ),
    waitsFor: ({ stated, lease }, signal) => actor.ask('wait-for', { stated, lease }, signal).catch(() => undefined),
  };
}
