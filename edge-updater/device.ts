/**
 * One device: what it does on a check, an installation from a bundle, a rollback and after a restart. Orders trust,
 * acceptance and the machine; the daemon and the commands decide when.
 */
import type { CheckAnswer, Labels } from '../contract/device-api/check.ts';
import { exitStatus, SlipwayError, toSlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { World } from './effects/world.ts';
import { Machine } from './machine.ts';
import type { JournalPort, MetadataStore, Server } from './ports.ts';
import { type ReleaseSource, type ResolvedRelease, resolveRelease } from './trust/resolve-release.ts';
import { acceptRelease, type DeviceFacts } from './update/acceptance.ts';
import { recover } from './update/recover.ts';
import { attemptOf, blankState, type DeviceState, type FinishedAttempt, type UpdateSource } from './update/state.ts';

export interface DeviceOptions {
  readonly facts: DeviceFacts & { readonly labels: Labels };
  readonly world: World;
  readonly server: Server;
  readonly metadata: MetadataStore;
  readonly journal: JournalPort;
  /** What the journal held: a state, nothing yet, or nothing that can be read. */
  readonly found: DeviceState | 'absent' | 'lost';
}

export interface CheckResult {
  readonly answer: CheckAnswer;
  /** The attempt that the answer led to. */
  readonly attempt?: FinishedAttempt;
}

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
    await this.#machine.work(effects, signal, patience);
  }

  /** Goes on with work that a failure of the disk left undone. */
  async resume(signal: AbortSignal): Promise<void> {
    await this.#machine.work(this.#machine.unfinished(), signal);
  }

  /** One check and, if offered, the whole update. */
  async check(signal: AbortSignal, patience?: number): Promise<CheckResult> {
    await this.sendReports(signal);
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
        deltaPolicy: this.world.policy.delta,
      },
      signal,
    );
    if (answer.decision === 'none') return { answer };
    const { targetPath, version, rollout } = answer.offer;
    const source: ReleaseSource = {
      metadata: (name, maxBytes) => this.server.metadata(name, maxBytes, signal),
      manifest: (digest, maxBytes) => this.server.manifest(digest, maxBytes, signal),
    };
    const release = await this.#judged(version, () => this.resolve(targetPath, source));
    const attempt = await this.install(
      release,
      { kind: 'server', rollout },
      this.world.clock.newId(),
      signal,
      patience,
    );
    await this.sendReports(signal);
    return { answer, attempt };
  }

  /** A release that may be installed here. @throws SlipwayError of trust or acceptance; nothing has changed then */
  async resolve(targetPath: string, source: ReleaseSource): Promise<ResolvedRelease> {
    const release = await resolveRelease(targetPath, source, this.metadata, this.world.clock.now());
    acceptRelease(release, this.#facts, this.state);
    return release;
  }

  /** The whole update. @returns how it ended */
  async install(
    release: ResolvedRelease,
    source: UpdateSource,
    attemptId: string,
    signal: AbortSignal,
    patience?: number,
  ): Promise<FinishedAttempt> {
    const { manifest, manifestSha256, manifestBytes } = release;
    this.world.downloads.putManifest(manifestSha256, manifestBytes);
    const { version, counter } = manifest;
    // A bundle is for a machine without a network: its reports leave with the next check.
    await this.#whileReporting(source.kind === 'server' ? signal : undefined, async () => {
      const event = { kind: 'accepted', attemptId, source, release: { version, counter, manifestSha256 } } as const;
      await this.#machine.work(this.#machine.dispatch(event), signal, patience);
    });
    return this.#finished(attemptId);
  }

  async rollBack(signal: AbortSignal, patience?: number): Promise<FinishedAttempt> {
    if (!this.state.current || !this.state.previous) {
      throw new SlipwayError('nothing-to-roll-back-to', 'there is no previous release on this device');
    }
    const attemptId = this.world.clock.newId();
    await this.#machine.work(this.#machine.dispatch({ kind: 'rollback-requested', attemptId }), signal, patience);
    return this.#finished(attemptId);
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
  async #judged<T>(version: string, resolve: () => Promise<T>): Promise<T> {
    try {
      return await resolve();
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      const passes: readonly number[] = [exitStatus.unavailable, exitStatus.localResource, exitStatus.internal];
      if (!passes.includes(error.exitStatus)) {
        const { code, message } = error;
        this.#machine.dispatch({ kind: 'refused', attemptId: this.world.clock.newId(), version, code, message });
      }
      throw error;
    }
  }

  #finished(attemptId: string): FinishedAttempt {
    const { lastAttempt } = this.state;
    if (lastAttempt?.id === attemptId) return lastAttempt;
    throw new SlipwayError('internal', `the attempt ${attemptId} left no outcome`);
  }
}
