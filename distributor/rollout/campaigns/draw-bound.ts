/**
 * Draws the bound of a wave from the devices of a fleet as they are now, page by page, so that requests have their turn
 * in between.
 */
import type { Rollout } from '../../declaration/rollout.ts';
import type { DevicePage, Member } from '../../fleet/device-page.ts';
import type { DeviceStore } from '../../fleet/ports.ts';
import type { CampaignState } from '../campaign.ts';
import { type Bound, drawBound } from '../cohort.ts';
import { type CompiledPlan, type CompiledRollout, isMember } from '../compiled-plan.ts';
import { placeOf } from '../placement.ts';
import { SortedPlaces } from './sorted-places.ts';
import type { Transition } from './transition.ts';

export interface BoundSource {
  readonly devices: Pick<DeviceStore, 'membersOf'>;
  /** Ends a turn of the event loop. */
  readonly yieldToEventLoop: () => Promise<void>;
}

/** How far a rollout means to reach; where it changes, open waves may be raised. */
export function reachText({ group, waves }: Rollout): string {
  return JSON.stringify([group, waves.map(({ size }) => size)]);
}

/** Some milliseconds of work. */
const pageSize = 500;

/** Accepted devices of a product, page by page. @param saying see DeviceStore.membersOf */
export function memberPages(
  { devices, yieldToEventLoop }: BoundSource,
  product: string,
  saying?: string,
): AsyncGenerator<Member[]> {
  return pagesOf((page) => devices.membersOf(product, page, saying), yieldToEventLoop);
}

/** Every page that `read` has, with a turn for others in between. */
export async function* pagesOf(
  read: (page: DevicePage) => Promise<Member[]>,
  yieldToEventLoop: BoundSource['yieldToEventLoop'],
): AsyncGenerator<Member[]> {
  for (let after: string | undefined; ; ) {
    const page = await read({ after, limit: pageSize });
    yield page;
    after = page.at(-1)?.id;
    if (page.length < pageSize) return;
    await yieldToEventLoop();
  }
}

/**
 * Ascending places of the group's accepted devices.
 * @param until leaves out devices that enrolled later; milliseconds since 1970
 */
export async function placesOf(
  source: BoundSource,
  plan: CompiledPlan,
  compiled: CompiledRollout,
  until: number,
): Promise<Float64Array> {
  const { name, product } = compiled.rollout;
  const places = new SortedPlaces();
  for await (const page of memberPages(source, product)) {
    for (const device of page) {
      if (device.enrolledAt <= until && isMember(plan, compiled, device)) places.add(placeOf(name, device.id));
    }
  }
  return places.sorted(source.yieldToEventLoop);
}

/**
 * Whether a rollout's group has an accepted device; stops at the first.
 * @returns devices that were looked at in vain; undefined where there is one in the group
 */
export async function lookedInVain(
  source: BoundSource,
  plan: CompiledPlan,
  compiled: CompiledRollout,
): Promise<number | undefined> {
  let looked = 0;
  for await (const page of memberPages(source, compiled.rollout.product)) {
    if (page.some((device) => isMember(plan, compiled, device))) return undefined;
    looked += page.length;
  }
  return looked;
}

/** The bound of one declared wave, over that of the wave before. */
export async function boundOf(
  source: BoundSource,
  plan: CompiledPlan,
  compiled: CompiledRollout,
  wave: { readonly index: number; readonly atLeast: number; readonly until: number },
): Promise<Bound> {
  const places = await placesOf(source, plan, compiled, wave.until);
  const declared = compiled.rollout.waves[wave.index];
  return drawBound(declared?.size ?? { percent: 100 }, places, wave.atLeast);
}

/**
 * What raises the open waves of a campaign to what is declared now. Devices that came after a wave opened are not
 * looked at: they must not move the others.
 */
export async function widerWaves(
  source: BoundSource,
  plan: CompiledPlan,
  compiled: CompiledRollout,
  { status, openedWaves }: CampaignState,
): Promise<Transition[]> {
  if (status === 'aborted' || (openedWaves.at(-1)?.upTo ?? 1) >= 1) return [];
  const wider: Transition[] = [];
  for (const [index, { openedAt, upTo, name }] of openedWaves.entries()) {
    if (!compiled.rollout.waves[index]) continue;
    const bound = await boundOf(source, plan, compiled, { index, atLeast: upTo, until: openedAt });
    if (bound.upTo > upTo)
      wider.push({ kind: 'raise-wave', index, ...bound, reason: `Wave ${name} was declared wider.` });
  }
  return wider;
}
