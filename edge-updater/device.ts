/**
 * One device: what it does on a check, an installation from a bundle, a rollback and after a restart. Orders trust,
 * acceptance and the machine; the daemon and the commands decide when.
 */
import type { CheckAnswer, DeviceId, Labels, Offer } from '../contract/device-api/check.ts';
import { exitStatus, SlipwayError, toSlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { SignedPermit } from '../contract/trust/permit.ts';
import type { FetchMetadata } from '../contract/trust/trusted-set.ts';
import type { World } from './effects/world.ts';
import { Machine } from './machine.ts';
import type { JournalPort, MetadataStore, Server } from './ports.ts';
import { believePermit } from './trust/believe-permit.ts';
import { type ReleaseSource, type ResolvedRelease, resolveRelease } from './trust/resolve-release.ts';
import { acceptRelease, type DeviceFacts } from './update/acceptance.ts';
import type { Effect } from './update/effect.ts';
import type { UpdateEvent } from './update/event.ts';
import { recover } from './update/recover.ts';
import { attemptOf, blankState, type DeviceState, type FinishedAttempt } from './update/state.ts';
import { isOpen, type SwitchTime, switchTimeOf, type Waiting, waitingUntil } from './update/switch-window.ts';
import { isWaiting } from './update/waiting.ts';

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
  readonly #found: DeviceOptions['found'];
  #reporting: Promise<void> = Promise.resolve();
  /** Set while a contact with the server is welcome: reports then leave as soon as they are durable. */
  #background: AbortSignal | undefined;
  #toldPhase = 'idle';
  /** When the update that waits may switch; undefined until a server named it to this process. */
  #switchTime: SwitchTime | undefined;

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
  }

  get state(): DeviceState {
    return this.#machine.state;
  }

  /** The update that rests until its window opens; undefined where none does. */
  get waiting(): Waiting | undefined {
    const { update } = this.state;
    if (!isWaiting(update)) return undefined;
    return waitingUntil(update.attempt.release.version, this.#switchTime, this.world.clock.monotonicSeconds());
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
    await this.#work(effects, signal, patience);
  }

  /** Goes on with work that a failure of the disk left undone, and with an update whose window is open. */
  async resume(signal: AbortSignal, patience?: number): Promise<void> {
    if (!this.waiting) await this.#work(this.#machine.unfinished(), signal, patience);
    else if (this.#maySwitch()) await this.#work(this.#machine.dispatch({ kind: 'window-opened' }), signal, patience);
  }

  /** One check and, if offered, the whole update. */
  async check(signal: AbortSignal, patience?: number): Promise<CheckResult> {
    await this.sendReports(signal);
    const askedAt = this.world.clock.monotonicSeconds();
    const { current, counterFloor, update, rejected } = this.state;
    const answer = await this.server.check(
      {
        schemaVersion: 1,
        updaterVersion: this.#facts.updaterVersion,
        product: this.#facts.product,
        platform: this.#facts.platform,
        ...(current ? { current } : {}),
        counterFloor,
        phase: update.phase,
        rejected: rejected.map((entry) => entry.manifestSha256),
        labels: this.#facts.labels,
      },
      signal,
    );
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
          await this.#endWait(`the server answers ${answer.reason}`, signal, patience);
        return undefined;
      case 'revert':
        await this.#endWait('the server sends the device back', signal, patience);
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
    if (this.#waitsFor(release, rollout)) {
      this.#switchTime = time;
      const { id } = attemptOf(this.state.update) ?? {};
      await this.#whileReporting(signal, () => this.resume(signal, patience));
      return id === undefined ? undefined : this.#outcome(id);
    }
    await this.#endWait(`${version} of ${rollout} is offered instead`, signal, patience);
    this.#switchTime = time;
    const attemptId = this.world.clock.newId();
    await this.#install(release, signal, patience, signal, {
      ...{ attemptId, source: { kind: 'server', rollout } },
      ...(offer.switchWindow ? { isTimed: true } : {}),
      ...(isRetry ? { isRetry } : {}),
    });
    return this.#outcome(attemptId);
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
    await this.#endWait('a bundle is installed by hand', signal, patience);
    // A bundle is for a machine without a network: its reports leave with the next check.
    await this.#install(release, signal, patience, undefined, { attemptId, source: { kind: 'bundle' } });
    return this.#finished(attemptId);
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
    await this.#whileReporting(reporting, async () => {
      const event = { kind: 'accepted', release: { version, counter, manifestSha256 }, ...acceptance } as const;
      await this.#work(this.#machine.dispatch(event), signal, patience);
    });
  }

  async rollBack(signal: AbortSignal, patience?: number): Promise<FinishedAttempt> {
    await this.#endWait('an operator goes back', signal, patience);
    if (!this.state.current || !this.state.previous) {
      throw new SlipwayError('nothing-to-roll-back-to', 'there is no previous release on this device');
    }
    const attemptId = this.world.clock.newId();
    await this.#work(this.#machine.dispatch({ kind: 'rollback-requested', attemptId }), signal, patience);
    return this.#finished(attemptId);
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
    await this.#whileReporting(signal, () => {
      const event = { kind: 'permit-accepted', attemptId, permitId, rollout } as const;
      return this.#work(this.#machine.dispatch(event), signal, patience);
    });
    return this.#finished(attemptId);
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

  forgetRejections(): void {
    this.#machine.dispatch({ kind: 'rejections-forgotten' });
  }

  /** Sends what no server has acknowledged. A report that does not get through waits; it stops no update. */
  async sendReports(signal: AbortSignal): Promise<void> {
    this.#reporting = this.#reporting.then(() => this.#sendOnce(signal));
    await this.#reporting;
    signal.throwIfAborted();
  }

  async #sendOnce(signal: AbortSignal): Promise<void> {
    const reports = this.state.outbox.slice(0, limits.maxReportsPerRequest);
    if (reports.length === 0) return;
    try {
      const { acknowledgedThrough } = await this.server.report(reports, signal);
      this.#machine.dispatch({ kind: 'reports-acknowledged', through: acknowledgedThrough });
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = toSlipwayError(thrown);
      this.world.narrator.warn(code, `reports are kept for later: ${message}`);
    }
  }

  async #whileReporting(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    this.#background = signal;
    try {
      await work();
    } finally {
      this.#background = undefined;
      await this.#reporting;
    }
  }

  #changed(state: DeviceState): void {
    const { update } = state;
    if (update.phase !== this.#toldPhase) {
      this.#toldPhase = update.phase;
      const version = attemptOf(update)?.release.version ?? state.current?.version ?? 'no release';
      const why = 'failure' in update ? `, ${update.failure.code ?? 'asked for'}: ${update.failure.message}` : '';
      this.world.narrator.state(update.phase, `${version}${why}`);
    }
    const signal = this.#background;
    if (signal && state.outbox.length > 0) this.#reporting = this.#reporting.then(() => this.#sendOnce(signal));
  }

  /** An offer that must not be installed is reported, unless the network is to blame. */
  async #judged<T>(version: string, resolve: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await resolve();
    } catch (thrown) {
      if (isVerdict(thrown)) {
        const { code, message } = toSlipwayError(thrown);
        await this.#endWait(`${code}: ${message}`, signal);
        this.#machine.dispatch({ kind: 'refused', attemptId: this.world.clock.newId(), version, code, message });
      }
      throw thrown;
    }
  }

  /** Works until the device is at rest; an update that waits rests only while its window is not open. */
  async #work(effects: readonly Effect[], signal: AbortSignal, patience?: number): Promise<void> {
    await this.#machine.work(effects, signal, patience);
    // It came to rest by reading its slot back just now.
    if (effects.length === 0 || !this.waiting || !this.#maySwitch()) return;
    await this.#machine.work(this.#machine.dispatch({ kind: 'switch-allowed' }), signal, patience);
  }

  #maySwitch(): boolean {
    return isOpen(this.#switchTime, this.world.clock.monotonicSeconds());
  }

  #waitsFor({ manifestSha256 }: ResolvedRelease, rollout: string): boolean {
    const { update } = this.state;
    if (!isWaiting(update)) return false;
    const { release, source } = update.attempt;
    return release.manifestSha256 === manifestSha256 && source.kind === 'server' && source.rollout === rollout;
  }

  async #endWait(message: string, signal: AbortSignal, patience?: number): Promise<void> {
    this.#switchTime = undefined;
    if (this.waiting) await this.#work(this.#machine.dispatch({ kind: 'wait-ended', message }), signal, patience);
  }

  /** Undefined while it waits for its window. */
  #outcome(attemptId: string): FinishedAttempt | undefined {
    const attempt = attemptOf(this.state.update);
    return attempt?.id === attemptId && this.waiting ? undefined : this.#finished(attemptId);
  }

  #finished(attemptId: string): FinishedAttempt {
    const { lastAttempt } = this.state;
    if (lastAttempt?.id === attemptId) return lastAttempt;
    throw new SlipwayError('internal', `the attempt ${attemptId} left no outcome`);
  }
}

/** False where the network or this machine is to blame: it may be otherwise the next time. */
function isVerdict(thrown: unknown): boolean {
  const passes: readonly number[] = [exitStatus.unavailable, exitStatus.localResource, exitStatus.internal];
  return !passes.includes(toSlipwayError(thrown).exitStatus);
}
