/**
 * Looks after the files of the running release: reads them when this process has not done so yet, when the service does
 * not run and once in a while, and has them made anew where they are damaged.
 */

import type { InstalledRelease } from '../../contract/device-api/check.ts';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { encodeManifest } from '../../contract/release/manifest.ts';
import { holdOn } from '../update/holding.ts';
import { cleanUp } from '../update/step.ts';
import type { Asker, DeviceCore, Effort } from './device-core.ts';

export class SlotCare {
  readonly #core: DeviceCore;
  /** Monotonic seconds of the last time that all files were read; undefined before the first. */
  #readAt: number | undefined;
  /** Whether the service ran after it was last looked at. */
  #ranBefore = true;

  constructor(core: DeviceCore) {
    this.#core = core;
  }

  /** What can be seen without reading the files, before anything is started from them. */
  glance(): string | undefined {
    const { machine, world, examination } = this.#core;
    const { current } = machine.state;
    examination.damage = current && world.slots.glance(current.manifestSha256);
    return examination.damage;
  }

  /**
   * Deletes what is left of earlier updates, reads the running release where that is due, and repairs what is damaged.
   * To be called while nothing is under way.
   * @throws what the journal throws
   */
  async tend(asker: Asker, effort: Effort): Promise<void> {
    const { machine, timed, world, examination } = this.#core;
    const { current, update } = machine.state;
    if (update.phase === 'idle') await machine.work(cleanUp(machine.state), effort.signal, effort.patience);
    if (!current || (update.phase !== 'idle' && !timed.waiting)) return;
    await timed.do({ kind: 'revival-due' }, effort.signal, effort.patience);
    const isRunning = await this.#isRunning();
    if (isRunning) this.#ranBefore = true;
    if (!this.#isDue(isRunning)) {
      if (!isRunning) await this.#startService();
      return;
    }
    examination.damage = await world.slots.findDamage(current.manifestSha256);
    this.#readAt = world.clock.monotonicSeconds();
    if (examination.damage === undefined) {
      if (!isRunning) await this.#startService();
      return;
    }
    world.narrator.warn('slot-damaged', examination.damage);
    const isHeld = holdOn(machine.state, current.manifestSha256, world.clock.now()) !== undefined;
    if (!isHeld || asker === 'person') await this.#repair(current, examination.damage, effort);
    // Damaged or not: better a service that starts than none.
    if (!(await this.#isRunning())) await this.#startService();
  }

  /** A service that stays down is a reason to read once, not at every check. */
  #isDue(isRunning: boolean): boolean {
    const { world, examination } = this.#core;
    if (this.#readAt === undefined || examination.damage !== undefined) return true;
    if (!isRunning && this.#ranBefore) return true;
    return world.clock.monotonicSeconds() - this.#readAt >= world.policy.verifyIntervalSeconds;
  }

  async #repair(current: InstalledRelease, damage: string, { signal, patience }: Effort): Promise<void> {
    const { machine, timed, world, outbox, examination } = this.#core;
    await timed.endWait(`the running ${current.version} is damaged`, signal, patience);
    const attemptId = world.clock.newId();
    let why = await this.#keepManifest(current, signal);
    await outbox.during(signal, async () => {
      if (why === undefined) {
        await timed.do({ kind: 'damage-found', attemptId, message: damage }, signal, patience);
        const { lastAttempt } = machine.state;
        if (lastAttempt?.id !== attemptId) return;
        if (lastAttempt.outcome === 'failed') why = `${lastAttempt.code}: ${lastAttempt.message}`;
      }
      const { previous } = machine.state;
      const isPossible =
        why !== undefined && previous && (await world.slots.findDamage(previous.manifestSha256)) === undefined;
      if (isPossible) {
        const message = `${damage}; it could not be made anew (${why})`.slice(0, 1500);
        await timed.do({ kind: 'damage-remains', attemptId: world.clock.newId(), message }, signal, patience);
      }
    });
    const isSame = machine.state.current?.manifestSha256 === current.manifestSha256;
    if (why === undefined || !isSame) examination.damage = undefined;
  }

  /** The manifest is in the slot, or comes from the server by its digest. @returns why it cannot be had */
  async #keepManifest({ manifestSha256 }: InstalledRelease, signal: AbortSignal): Promise<string | undefined> {
    const { world, server } = this.#core;
    try {
      const kept = world.slots.manifest(manifestSha256);
      const bytes = kept
        ? encodeManifest(kept).bytes
        : await server.manifest(manifestSha256, limits.maxManifestBytes, signal);
      if (!bytes) throw new SlipwayError('blob-missing', `the server has no manifest ${manifestSha256}`);
      if (sha256(bytes) !== manifestSha256) {
        throw new SlipwayError('digest-mismatch', `the server has another manifest for ${manifestSha256}`);
      }
      world.downloads.putManifest(manifestSha256, bytes);
      return undefined;
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = toSlipwayError(thrown);
      world.narrator.warn(code, message);
      return `${code}: ${message}`;
    }
  }

  async #isRunning(): Promise<boolean> {
    const { isActive, isStarting } = await this.#core.world.service.condition();
    return isActive || isStarting === true;
  }

  async #startService(): Promise<void> {
    const { service, narrator } = this.#core.world;
    await service.ensure().catch((thrown) => narrator.warn('service-start-failed', toSlipwayError(thrown).message));
    this.#ranBefore = await this.#isRunning();
  }
}
