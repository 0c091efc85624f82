/**
 * Goes back to the release before: the links, and the data of an adopted box with them. Each step is done again after a
 * stop at any moment, and what is back already stays as it is.
 */

import type { InstalledRelease } from '../../contract/device-api/check.ts';
import { toSlipwayError } from '../../contract/errors.ts';
import { rollbackPolicy } from '../../contract/release/rollback-policy.ts';
import type { BoxData } from '../adoption/box-data.ts';
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { haltBox } from './halt-box.ts';
import { probeHealth } from './probe-health.ts';
import { startRelease } from './prove.ts';
import { startWithoutActor } from './start-without-actor.ts';
import type { World } from './world.ts';

type Restore = Extract<Effect, { kind: 'restore' }>;

export async function restoreRelease(effect: Restore, world: World, signal: AbortSignal): Promise<UpdateEvent> {
  const { slots, service, narrator, data } = world;
  const { leaving, to } = effect;
  if (!to) {
    // Nothing to go back to: what does not work is stopped and taken away.
    await service.stop();
    slots.point({ current: undefined, previous: undefined });
    return { kind: 'restored', confirmed: true };
  }
  let note: DataNote;
  try {
    note = await pointBack(effect, to, world);
  } catch (thrown) {
    const { code, message } = toSlipwayError(thrown);
    if (code === 'actor-unavailable') {
      await startWithoutActor(to.manifestSha256, effect.previous?.manifestSha256, world);
    }
    if (code !== 'datastore-not-restorable') throw thrown;
    // Half of each set of data is in place: the hold stays, and nothing starts on it.
    return { kind: 'restored', confirmed: false, note: `${code}: ${message}`, isStranded: true };
  }
  const isSetAside = leaving !== undefined && (await data?.setAside())?.release === leaving.manifestSha256;
  const told = { ...(note.text === undefined ? {} : { note: note.text }), ...(isSetAside ? { isSetAside } : {}) };
  const stranded = note.isForeign ? ({ isStranded: true } as const) : {};
  const unconfirmed = { kind: 'restored', confirmed: false, ...told, ...stranded } as const;
  try {
    if (data) await startRelease(to.manifestSha256, world);
    else await service.restart();
  } catch (thrown) {
    signal.throwIfAborted();
    narrator.warn('service-start-failed', toSlipwayError(thrown).message);
    return unconfirmed;
  }
  const verdict = await probeHealth(world, { ...world.policy.health, soakSeconds: 0 }, 'rolling-back', signal);
  return verdict.kind === 'healthy' ? { kind: 'restored', confirmed: true, ...told } : unconfirmed;
}

/** What an operator should know of the data. */
interface DataNote {
  readonly text?: string;
  /** It is of the newer release, and was to be given back. */
  readonly isForeign?: true;
}

/**
 * Everything of going back but the start, so that it can be done before the unit starts at boot.
 * @throws SlipwayError `datastore-not-restorable` where an exchange was begun and cannot be ended
 */
export async function pointBack({ leaving, previous }: Restore, to: InstalledRelease, world: World): Promise<DataNote> {
  const { slots, data } = world;
  const links = { current: to.manifestSha256, previous: previous?.manifestSha256 };
  if (!data) {
    slots.point(links);
    return {};
  }
  // Asked before the box goes down: without somebody who gives its data back it stays up.
  const owner = await data.owner();
  if (slots.currentLink === links.current && !data.isHeld && owner === links.current) {
    slots.point(links);
    return {};
  }
  await haltBox(data, world, `Slipway goes back to ${to.version}.`);
  const note = await giveDataBack(data, leaving, to, world);
  slots.point(links);
  return note;
}

/** The older program reads what the newer one wrote, as far as their manifests tell. */
function isKept(leaving: InstalledRelease | undefined, to: InstalledRelease, slots: World['slots']): boolean {
  const from = leaving && slots.manifest(leaving.manifestSha256);
  const back = slots.manifest(to.manifestSha256);
  return from !== undefined && back !== undefined && rollbackPolicy(from, back) === 'keep-datastore';
}

/** Data that the release never wrote to is the older one's still. */
async function giveDataBack(
  data: BoxData,
  leaving: InstalledRelease | undefined,
  to: InstalledRelease,
  { narrator, slots }: World,
): Promise<DataNote> {
  // Half of each set is no data: nothing starts on it before the exchange has ended.
  await data.finishExchange();
  if ((await data.owner()) === to.manifestSha256) return {};
  const snapshot = leaving && (await data.snapshotOf({ from: to.manifestSha256, to: leaving.manifestSha256 }));
  const isGivenBack = !data.isOfCluster && !isKept(leaving, to, slots);
  const stays = data.isOfCluster ? "the datastore is the cluster's and stays as it is" : 'the data stays as it is';
  let note: DataNote = { text: stays, ...(isGivenBack ? { isForeign: true } : {}) };
  if (snapshot && isGivenBack) {
    try {
      await data.putBack(snapshot);
      return { text: `the data is that of ${snapshot.takenAt} again` };
    } catch (thrown) {
      // The box stays serviceable: the older release over the newer data, and somebody is told.
      const { code, message } = toSlipwayError(thrown);
      if (code !== 'datastore-not-restorable') throw thrown;
      narrator.warn(code, message);
      note = { text: `${code}: ${message}`, isForeign: true };
    }
  }
  if (snapshot) await data.putLinksBack(snapshot);
  await data.claim(to.manifestSha256);
  return note;
}
