/** Brings an adopted box to rest: its data whole, its links right and no hold, so that its unit may start. */
import { toSlipwayError } from '../../contract/errors.ts';
import type { ServiceManager } from '../ports.ts';
import type { UpdateStep } from '../update/step.ts';
import { startRelease } from './prove.ts';
import { pointBack } from './restore.ts';
import { startWithoutActor } from './start-without-actor.ts';
import type { World } from './world.ts';

/** At boot the unit waits for this look: to stop it would take its start away. */
const notStartedYet: ServiceManager = {
  async restart() {},
  async ensure() {},
  async stop() {},
  condition: async () => ({ isActive: false, crashes: 0, detail: 'not started yet' }),
  lastWords: async () => ({ where: '' }),
  async release() {},
};

/** What a step asks of a box that has not started; the updater confirms it when it runs. */
export async function settleBeforeStart({ state, effect }: UpdateStep, world: World): Promise<void> {
  const { data } = world;
  if (!data) return;
  const atBoot = { ...world, service: notStartedYet };
  if (effect?.kind === 'restore' && effect.to) {
    await pointBack(effect, effect.to, atBoot);
    await startRelease(effect.to.manifestSha256, atBoot);
  } else if (state.update.phase === 'probation') {
    await startRelease(state.update.attempt.release.manifestSha256, atBoot);
  } else {
    await endHold(atBoot);
  }
}

/** An update that was cut off before its switch leaves the box held: it goes on with the release that it has. */
export async function endHold(world: World): Promise<void> {
  const { data, slots } = world;
  const { currentLink } = slots;
  if (!data || currentLink === undefined) return;
  try {
    await data.finishExchange();
    if (data.isHeld) await startRelease(currentLink, world);
  } catch (thrown) {
    if (toSlipwayError(thrown).code === 'actor-unavailable')
      await startWithoutActor(currentLink, slots.previousLink, world);
    throw thrown;
  }
}
