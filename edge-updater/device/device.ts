/**
 * A device does its work on a check, an installation from a bundle, a rollback and after a restart. It orders trust,
 * acceptance and the machine; the daemon and the commands decide when.
 */
import type { CheckRequest, HeardAnswer, InstalledRelease } from '../../contract/device-api/check.ts';
import { toSlipwayError } from '../../contract/errors.ts';
import type { TakenSnapshot } from '../adoption/box-data.ts';
import { endHold, settleBeforeStart } from '../effects/before-start.ts';
import type { JournalPort } from '../ports.ts';
import type { OfferedGrant } from '../trust/refresh-offline.ts';
import type { ReleaseSource, ResolvedRelease } from '../trust/resolve-release.ts';
import { checkRequestOf } from '../update/check-request.ts';
import { recover } from '../update/recover.ts';
import { attemptOf, blankState, type DeviceState, type FinishedAttempt } from '../update/state.ts';
import type { UpdateStep } from '../update/step.ts';
import { switchTimeOf, type WaitForWindow } from '../update/switch-window.ts';
import { rollBackByHand, undoByHand } from './by-hand.ts';
import { ownerOf } from './data-owner.ts';
import type { Asker, DeviceCore, Effort } from './device-core.ts';
import { Examination } from './examination.ts';
import { followPermit } from './follow-permit.ts';
import { ServerHeartbeat } from './heartbeat.ts';
import { Machine } from './machine.ts';
import { Outbox } from './outbox.ts';
import { SlotCare } from './slot-care.ts';
import { installRelease, keepManifest, resolveHere, type Taken, takeOffer } from './take-offer.ts';
import { TimedMachine } from './timed-machine.ts';
import { requireUndoable, type Undoable } from './way-back.ts';

interface DeviceOptions extends Pick<DeviceCore, 'facts' | 'world' | 'server' | 'metadata' | 'origin'> {
  readonly journal: JournalPort;
  /** What the journal held: a state, nothing yet, or nothing that can be read. */
  readonly found: DeviceState | 'absent' | 'lost';
}

/** The answer, and what it led to. */
interface CheckResult extends Taken {
  readonly answer: HeardAnswer;
}

export class Device {
  readonly world: DeviceCore['world'];
  readonly server: DeviceCore['server'];
  readonly metadata: DeviceCore['metadata'];
  readonly #core: DeviceCore;
  readonly #found: DeviceOptions['found'];
  readonly #care: SlotCare;
  readonly #heartbeat: ServerHeartbeat;
  #shownPhase = 'idle';

  constructor(options: DeviceOptions) {
    const { server, metadata, facts, journal, found, origin } = options;
    const { clock, narrator, policy } = options.world;
    const intervalSeconds = policy.pollSeconds;
    const tell = async (signal: AbortSignal) => {
      await this.sendReports(signal);
      await this.tell(signal);
    };
    this.#heartbeat = new ServerHeartbeat({ clock, narrator, intervalSeconds, tell });
    const world = { ...options.world, heartbeat: this.#heartbeat };
    this.world = world;
    this.server = server;
    this.metadata = metadata;
    this.#found = found;
    const machine = new Machine(typeof found === 'string' ? blankState : found, {
      journal,
      world,
      onChange: (state) => this.#changed(state),
    });
    const timed = new TimedMachine(machine, world.clock);
    const outbox = new Outbox(machine, server, world.narrator);
    const examination = new Examination({ world, server, metadata, machine });
    this.#core = { facts, world, server, metadata, machine, timed, outbox, examination, origin };
    this.#care = new SlotCare(this.#core);
  }

  get state(): DeviceState {
    return this.#core.machine.state;
  }

  /** The update that rests until its window opens; undefined where none does. */
  get waiting(): WaitForWindow | undefined {
    return this.#core.timed.waiting;
  }

  /** Ends what a stop of any kind interrupted. Starts the service first, unless the interrupted work is about it. */
  async recover(signal: AbortSignal, patience?: number): Promise<void> {
    const { slots, service, narrator } = this.world;
    const { machine, timed } = this.#core;
    const { currentLink } = slots;
    const step = await this.#recovery(false);
    const effect = machine.resume(step);
    const isAboutService = ['switching', 'probation', 'rolling-back'].includes(step.state.update.phase);
    const damage = this.#care.glance();
    if (damage !== undefined) narrator.warn('slot-damaged', damage);
    const isOthers = isAboutService || effect?.kind === 'restore';
    // What is damaged is made anew before it is started: the next check begins with it.
    const isForCare = damage !== undefined && step.state.update.phase === 'idle';
    if (currentLink !== undefined && !isOthers && !isForCare) {
      await service.ensure().catch((thrown) => narrator.warn('service-start-failed', toSlipwayError(thrown).message));
    }
    try {
      if (!isOthers) await this.#endHold();
      await timed.work(effect, signal, patience);
    } finally {
      await this.#heartbeat.settled();
    }
  }

  /** Data that cannot be made whole keeps its hold, and the device goes on with all else. */
  async #endHold(): Promise<void> {
    try {
      await endHold(this.world);
    } catch (thrown) {
      const { code, message } = toSlipwayError(thrown);
      // A service that does not start is told by each check, and started again there.
      if (code !== 'datastore-not-restorable' && code !== 'service-start-failed') throw thrown;
      this.world.narrator.warn(code, message);
      if (code === 'datastore-not-restorable')
        this.#core.machine.dispatch({ kind: 'stranded-found', attemptId: this.world.clock.newId(), message });
    }
  }

  /**
   * Before the unit of an adopted box starts at boot: counts the boot, finishes an exchange of data that was cut off,
   * and goes back where a release had its boots. Starts and stops nothing.
   */
  async recoverBeforeStart(): Promise<void> {
    const step = await this.#recovery(true);
    this.#core.machine.resume(step);
    await settleBeforeStart(step, this.world);
  }

  async #recovery(isBeforeStart: boolean): Promise<UpdateStep> {
    const { slots, downloads, clock, bootId } = this.world;
    const { machine } = this.#core;
    const { currentLink, previousLink } = slots;
    const durableBytes = [...downloads.durable().values()].reduce((sum, bytes) => sum + bytes, 0);
    // A link without a journal was made by somebody who had one.
    const isLost = this.#found === 'lost' || (this.#found === 'absent' && currentLink !== undefined);
    return recover(isLost ? undefined : machine.state, {
      currentLink,
      previousLink,
      slots: slots.slots(),
      dataOwner: await ownerOf(this.world),
      durableBytes,
      ...machine.moment(),
      attemptId: clock.newId(),
      boot: bootId === undefined ? undefined : { id: bootId, isBeforeStart },
    });
  }

  /** Of an adopted box: the copy of its data that a rollback would put in place. */
  async dataOfRollback(): Promise<TakenSnapshot | undefined> {
    const { current, previous } = this.state;
    const { data } = this.world;
    if (!current || !previous || !data || data.isOfCluster) return undefined;
    return data.snapshotOf({ from: previous.manifestSha256, to: current.manifestSha256 });
  }

  /** Takes a slot that was made of what is installed here for the release that runs. */
  adopt(release: InstalledRelease): void {
    this.#core.machine.dispatch({ kind: 'adopted', release });
    this.world.slots.point({ current: release.manifestSha256, previous: undefined });
  }

  /** Goes on with work that a failure of the disk left undone, and with an update whose window is open. */
  async resume(signal: AbortSignal, patience?: number): Promise<void> {
    await this.#core.timed.resume(signal, patience);
  }

  /** One check and, if offered, the whole update. */
  async check(signal: AbortSignal, patience?: number, asker: Asker = 'daemon'): Promise<CheckResult> {
    await this.#tend(asker, { signal, patience });
    await this.sendReports(signal);
    const request = await this.#request();
    const askedAt = this.world.clock.monotonicSeconds();
    const answer = await this.server.check(request, signal);
    this.#heartbeat.heard();
    try {
      return { answer, ...(await this.#follow(answer, askedAt, asker, { signal, patience })) };
    } finally {
      await this.#heartbeat.settled();
      if (answer.decision !== 'none' && !signal.aborted) await this.sendReports(signal);
    }
  }

  /** A disk that takes no journal must not keep the check from saying so. */
  async #tend(asker: Asker, effort: Effort): Promise<void> {
    try {
      await this.#care.tend(asker, effort);
    } catch (thrown) {
      effort.signal.throwIfAborted();
      const { code, message } = toSlipwayError(thrown);
      this.world.narrator.warn(code, message);
    }
  }

  /** Tells the server how this device is, and does nothing about the answer: for one that cannot write. */
  async tell(signal: AbortSignal): Promise<void> {
    await this.server.check(await this.#request(), signal);
  }

  async #request(): Promise<CheckRequest> {
    const { facts, world, examination } = this.#core;
    const troubles = await examination.troubles();
    return checkRequestOf(this.state, facts, world.policy.delta, troubles, examination.box);
  }

  async #follow(answer: HeardAnswer, askedAt: number, asker: Asker, effort: Effort): Promise<Taken> {
    const { timed, world, examination } = this.#core;
    examination.noteAnswer(answer.decision === 'update');
    switch (answer.decision) {
      case 'none':
        // A server that has no word for a device that waits leaves it to what it was told before.
        if (answer.reason !== 'device-busy')
          await timed.endWait(`the server answers ${answer.reason}`, effort.signal, effort.patience);
        return {};
      case 'revert':
        return { attempt: await followPermit(this.#core, answer, effort) };
      case 'update': {
        const time = switchTimeOf(answer.offer.switchWindow, askedAt, world.clock.monotonicSeconds());
        return takeOffer(this.#core, answer.offer, time, asker, effort);
      }
      default:
        throw answer satisfies never;
    }
  }

  /** What an offline grant is judged by. */
  get grantHolder(): OfferedGrant['holder'] {
    return this.#core.facts;
  }

  /** A release that may be installed here. @throws SlipwayError of trust or acceptance; nothing has changed then */
  resolve(targetPath: string, source: ReleaseSource): Promise<ResolvedRelease> {
    return resolveHere(this.#core, targetPath, source, false);
  }

  /** The whole update from a bundle, which a person brought: at once, whatever waits. @returns how it ended */
  async install(
    release: ResolvedRelease,
    attemptId: string,
    signal: AbortSignal,
    patience?: number,
  ): Promise<FinishedAttempt> {
    const { timed } = this.#core;
    await timed.endWait('a bundle is installed by hand', signal, patience);
    // A bundle is for a machine without a network: its reports leave with the next check.
    keepManifest(this.#core, release);
    const source = { kind: 'bundle' } as const;
    await installRelease(this.#core, release, { signal, patience }, undefined, { attemptId, source });
    return timed.finished(attemptId);
  }

  rollBack(signal: AbortSignal, patience?: number): Promise<FinishedAttempt> {
    return rollBackByHand(this.#core, { signal, patience });
  }

  /** What an undo of the last rollback would bring back. @throws SlipwayError `nothing-to-undo`, `aside-mismatched`, `slot-damaged` */
  undoable(): Promise<Undoable> {
    return requireUndoable(this.state, this.world);
  }

  /** Back to the release that the last rollback left, with its data. @throws as `undoable` */
  undoRollBack(signal: AbortSignal, patience?: number): Promise<FinishedAttempt> {
    return undoByHand(this.#core, { signal, patience });
  }

  /** Sends what no server has acknowledged. A report that does not get through waits; it stops no update. */
  sendReports(signal: AbortSignal): Promise<void> {
    return this.#core.outbox.send(signal);
  }

  forgetRejections(): void {
    this.#core.machine.dispatch({ kind: 'rejections-forgotten' });
  }

  #changed(state: DeviceState): void {
    const { update } = state;
    if (update.phase !== this.#shownPhase) {
      this.#shownPhase = update.phase;
      const version = attemptOf(update)?.release.version ?? state.current?.version ?? 'no release';
      const why = 'failure' in update ? `, ${update.failure.code ?? 'asked for'}: ${update.failure.message}` : '';
      this.world.narrator.state(update.phase, `${version}${why}`);
    }
    this.#core.outbox.changed();
  }
}
