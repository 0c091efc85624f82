/**
 * One device: what it does on a check, an installation from a bundle, a rollback and after a restart. Orders trust,
 * acceptance and the machine; the daemon and the commands decide when.
 */
import type { CheckAnswer, DeviceId, Labels, Offer } from '../contract/device-api/check.ts';
import { exitStatus, SlipwayError, toSlipwayError } from '../contract/errors.ts';
import type { SignedPermit } from '../contract/trust/permit.ts';
import type { FetchMetadata } from '../contract/trust/trusted-set.ts';
import type { World } from './effects/world.ts';
import { Machine } from './machine.ts';
import { Outbox } from './outbox.ts';
import type { JournalPort, MetadataStore, Server } from './ports.ts';
import { TimedMachine } from './timed-machine.ts';
import { believePermit } from './trust/believe-permit.ts';
import { type ReleaseSource, type ResolvedRelease, resolveRelease } from './trust/resolve-release.ts';
import { acceptRelease, type DeviceFacts } from './update/acceptance.ts';
import { checkRequestOf } from './update/check-request.ts';
import type { UpdateEvent } from './update/event.ts';
import { recover } from './update/recover.ts';
import { attemptOf, blankState, type DeviceState, type FinishedAttempt } from './update/state.ts';
import { type SwitchTime, switchTimeOf, type Waiting } from './update/switch-window.ts';

export interface DeviceOptions {
  readonly facts: DeviceFacts & { readonly deviceId: DeviceId; readonly labels: Labels };
  readonly world: World;
  readonly server: Server;
  readonly metadata: MetadataStore;
  readonly journal: JournalPort;
  /** What the journal held: a state, nothing yet, or nothing that can be read. */
  readonly found: DeviceState | 'absent' | 'lost';
}

export interface CheckResult {
  readonly answer: CheckAnswer;
  /** The attempt that the answer led to; absent where there was none, or where it waits for its window. */
  readonly attempt?: FinishedAttempt | undefined;
}

type Answer<D extends CheckAnswer['decision']> = Extract<CheckAnswer, { decision: D }>;

export class Device {
  readonly world: World;
  readonly server: Server;
  readonly metadata: MetadataStore;
  readonly #facts: DeviceOptions['facts'];
  readonly #machine: Machine;
  readonly #timed: TimedMachine;
  readonly #outbox: Outbox;
  readonly #found: DeviceOptions['found'];
  #toldPhase = 'idle';

  constructor(options: DeviceOptions) {
    this.world = options.world;
    this.server = options.server;
    this.metadata = options.metadata;
    this.#facts = options.facts;
    this.#found = options.found;
    const found = typeof options.found === 'string' ? blankState : options.found;
    this.#machine = new Machine(found, {
      journal: options.journal,
      world: options.world,
      onChange: (state) => this.#changed(state),
    });
    this.#timed = new TimedMachine(this.#machine, options.world.clock);
    this.#outbox = new Outbox(this.#machine, options.server, options.world.narrator);
  }

  get state(): DeviceState {
    return this.#machine.state;
  }

  /** The update that rests until its window opens; undefined where none does. */
  get waiting(): Waiting | undefined {
    return this.#timed.waiting;
  }

  /** Ends what a stop of any kind interrupted. Starts the service first, unless the interrupted work is about it. */
  async recover(signal: AbortSignal, patience?: number): Promise<void> {
    const { slots, downloads, clock, service, narrator } = this.world;
    const { currentLink, previousLink } = slots;
    const durableBytes = [...downloads.durable().values()].reduce((sum, bytes) => sum + bytes, 0);
    // A link without a journal was made by somebody who had one.
    const isLost = this.#found === 'lost' || (this.#found === 'absent' && currentLink !== undefined);
    const step = recover(isLost ? undefined : this.#machine.state, {
      ...(currentLink === undefined ? {} : { currentLink }),
      ...(previousLink === undefined ? {} : { previousLink }),
      slots: slots.slots(),
      durableBytes,
      at: new Date(clock.now()).toISOString(),
      attemptId: clock.newId(),
    });
    const effects = this.#machine.resume(step);
    const isAboutService = ['switching', 'probation', 'rolling-back'].includes(step.state.update.phase);
    if (currentLink !== undefined && !isAboutService && !effects.some((effect) => effect.kind === 'restore')) {
      await service.ensure().catch((thrown) => narrator.warn('service-start-failed', toSlipwayError(thrown).message));
    }
    await this.#timed.work(effects, signal, patience);
  }

  /** Goes on with work that a failure of the disk left undone, and with an update whose window is open. */
  async resume(signal: AbortSignal, patience?: number): Promise<void> {
    await this.#timed.resume(signal, patience);
  }

  /** One check and, if offered, the whole update. */
  async check(signal: AbortSignal, patience?: number): Promise<CheckResult> {
    await this.sendReports(signal);
    const askedAt = this.world.clock.monotonicSeconds();
    const answer = await this.server.check(checkRequestOf(this.state, this.#facts, this.world.policy.delta), signal);
    const attempt = await this.#follow(answer, askedAt, signal, patience);
    if (answer.decision !== 'none') await this.sendReports(signal);
    return { answer, attempt };
  }

  async #follow(
    answer: CheckAnswer,
    askedAt: number,
    signal: AbortSignal,
    patience: number | undefined,
  ): Promise<FinishedAttempt | undefined> {
    switch (answer.decision) {
      case 'none':
        // A server that has no word for a device that waits leaves it to what it was told before.
        if (answer.reason !== 'device-busy')
          await this.#timed.endWait(`the server answers ${answer.reason}`, signal, patience);
        return undefined;
      case 'revert':
        return this.#revert(answer, signal, patience);
      case 'update': {
        const heardAt = this.world.clock.monotonicSeconds();
        const { offer } = answer;
        return this.#take(offer, switchTimeOf(offer.switchWindow, askedAt, heardAt), signal, patience);
      }
      default:
        throw answer satisfies never;
    }
  }

  async #take(
    offer: Offer,
    time: SwitchTime,
    signal: AbortSignal,
    patience: number | undefined,
  ): Promise<FinishedAttempt | undefined> {
    const { targetPath, version, rollout } = offer;
    const source: ReleaseSource = {
      metadata: (name, maxBytes) => this.server.metadata(name, maxBytes, signal),
      manifest: (digest, maxBytes) => this.server.manifest(digest, maxBytes, signal),
    };
    const isRetry = offer.retry === true;
    const resolve = () => this.resolve(targetPath, source, isRetry);
    const release = await this.#judged(version, resolve, signal);
    const { waitingFor } = this.#timed;
    if (waitingFor && isSame(waitingFor, release, rollout)) {
      this.#timed.nameWindow(time);
      await this.#outbox.during(signal, () => this.resume(signal, patience));
      return this.#timed.outcome(waitingFor.id);
    }
    await this.#timed.endWait(`${version} of ${rollout} is offered instead`, signal, patience);
    this.#timed.nameWindow(time);
    const attemptId = this.world.clock.newId();
    await this.#install(release, signal, patience, signal, {
      ...{ attemptId, source: { kind: 'server', rollout } },
      ...(offer.switchWindow ? { isTimed: true } : {}),
      ...(isRetry ? { isRetry } : {}),
    });
    return this.#timed.outcome(attemptId);
  }

  /** A release that may be installed here. @throws SlipwayError of trust or acceptance; nothing has changed then */
  async resolve(targetPath: string, source: ReleaseSource, isRetry = false): Promise<ResolvedRelease> {
    const release = await resolveRelease(targetPath, source, this.metadata, this.world.clock.now());
    acceptRelease(release, this.#facts, this.state, isRetry);
    return release;
  }

  /** The whole update from a bundle, which a person brought: at once, whatever waits. @returns how it ended */
  async install(
    release: ResolvedRelease,
    attemptId: string,
    signal: AbortSignal,
    patience?: number,
  ): Promise<FinishedAttempt> {
    await this.#timed.endWait('a bundle is installed by hand', signal, patience);
    // A bundle is for a machine without a network: its reports leave with the next check.
    await this.#install(release, signal, patience, undefined, { attemptId, source: { kind: 'bundle' } });
    return this.#timed.finished(attemptId);
  }

  async #install(
    { manifest, manifestSha256, manifestBytes }: ResolvedRelease,
    signal: AbortSignal,
    patience: number | undefined,
    reporting: AbortSignal | undefined,
    acceptance: Omit<Extract<UpdateEvent, { kind: 'accepted' }>, 'kind' | 'release'>,
  ): Promise<void> {
    const { version, counter } = manifest;
    this.world.downloads.putManifest(manifestSha256, manifestBytes);
    await this.#outbox.during(reporting, async () => {
      const event = { kind: 'accepted', release: { version, counter, manifestSha256 }, ...acceptance } as const;
      await this.#timed.do(event, signal, patience);
    });
  }

  async rollBack(signal: AbortSignal, patience?: number): Promise<FinishedAttempt> {
    await this.#timed.endWait('an operator goes back', signal, patience);
    if (!this.state.current || !this.state.previous) {
      throw new SlipwayError('nothing-to-roll-back-to', 'there is no previous release on this device');
    }
    const attemptId = this.world.clock.newId();
    await this.#timed.do({ kind: 'rollback-requested', attemptId }, signal, patience);
    return this.#timed.finished(attemptId);
  }

  /** Back to the previous release by a permit. A permit that does not hold changes nothing and is reported. */
  async #revert(
    { rollout, permit }: Answer<'revert'>,
    signal: AbortSignal,
    patience: number | undefined,
  ): Promise<FinishedAttempt> {
    const attemptId = this.world.clock.newId();
    const permitId = await this.#believed(permit, rollout, signal).catch((thrown) => {
      const { code, message } = toSlipwayError(thrown);
      if (isVerdict(thrown)) this.#machine.dispatch({ kind: 'permit-refused', attemptId, rollout, code, message });
      throw thrown;
    });
    await this.#timed.endWait(`the rollout ${rollout} sends the device back`, signal, patience);
    await this.#outbox.during(signal, () => {
      const event = { kind: 'permit-accepted', attemptId, permitId, rollout } as const;
      return this.#timed.do(event, signal, patience);
    });
    return this.#timed.finished(attemptId);
  }

  async #believed(permit: SignedPermit, rollout: string, signal: AbortSignal): Promise<string> {
    const { current, previous, usedPermits: used = [] } = this.state;
    const { deviceId, product } = this.#facts;
    const nothing = new SlipwayError('nothing-to-roll-back-to', 'there is no previous release on this device');
    if (!current) throw nothing;
    const holder = { deviceId, product, rollout, current: current.manifestSha256, used };
    const metadata: FetchMetadata = (name, maxBytes) => this.server.metadata(name, maxBytes, signal);
    const { id } = await believePermit(permit, holder, metadata, this.metadata, this.world.clock.now());
    if (!previous) throw nothing;
    return id;
  }

  /** Sends what no server has acknowledged. A report that does not get through waits; it stops no update. */
  sendReports(signal: AbortSignal): Promise<void> {
    return this.#outbox.send(signal);
  }

  forgetRejections(): void {
    this.#machine.dispatch({ kind: 'rejections-forgotten' });
  }

  #changed(state: DeviceState): void {
    const { update } = state;
    if (update.phase !== this.#toldPhase) {
      this.#toldPhase = update.phase;
      const version = attemptOf(update)?.release.version ?? state.current?.version ?? 'no release';
      const why = 'failure' in update ? `, ${update.failure.code ?? 'asked for'}: ${update.failure.message}` : '';
      this.world.narrator.state(update.phase, `${version}${why}`);
    }
    this.#outbox.changed();
  }

  /** An offer that must not be installed is reported, unless the network is to blame. */
  async #judged<T>(version: string, resolve: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await resolve();
    } catch (thrown) {
      if (isVerdict(thrown)) {
        const { code, message } = toSlipwayError(thrown);
        await this.#timed.endWait(`${code}: ${message}`, signal);
        this.#machine.dispatch({ kind: 'refused', attemptId: this.world.clock.newId(), version, code, message });
      }
      throw thrown;
    }
  }
}

/** False where the network or this machine is to blame: it may be otherwise the next time. */
function isVerdict(thrown: unknown): boolean {
  const passes: readonly number[] = [exitStatus.unavailable, exitStatus.localResource, exitStatus.internal];
  return !passes.includes(toSlipwayError(thrown).exitStatus);
}

function isSame(
  { manifestSha256, source }: NonNullable<TimedMachine['waitingFor']>,
  release: ResolvedRelease,
  rollout: string,
): boolean {
  return manifestSha256 === release.manifestSha256 && source.kind === 'server' && source.rollout === rollout;
}
