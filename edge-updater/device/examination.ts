/**
 * Looks at the device before each check: its service, disk, clock and trust, and what it remembers of offers. Remembers
 * in memory only, because a disk that takes nothing is one of the things to tell.
 */
import type { Trouble } from '../../contract/device-api/check.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { Box, BoxReading } from '../box/box.ts';
import { roomsOf } from '../effects/world.ts';
import { clockTrouble } from '../trust/clock-trouble.ts';
import { shortOfReserve } from '../update/room.ts';
import type { Held } from '../update/state.ts';
import { type DeviceCondition, type Problem, problemsOf, troublesOf } from '../update/troubles.ts';
import { isWaiting } from '../update/waiting.ts';
import type { DeviceCore } from './device-core.ts';

type Examined = Pick<DeviceCore, 'world' | 'server' | 'metadata' | 'machine'>;

export class Examination {
  readonly #examined: Examined;
  #lastTroubles: readonly Trouble[] = [];
  #offer: Problem | undefined;
  /** False once the server has nothing for this device: what became of an earlier offer is in nobody's way. */
  #isOffered = true;
  #box: BoxReading = { kind: 'none' };
  /** What is wrong with the files of the running release, as far as is known. */
  damage: string | undefined;

  constructor(examined: Examined) {
    this.#examined = examined;
  }

  /** To be called with each answer, before it is followed. */
  noteAnswer(isOffer: boolean): void {
    this.#isOffered = isOffer;
    if (!isOffer) this.#offer = undefined;
  }

  /** Remembers why an offer did not become an attempt; `undefined`: nothing is in its way any more. */
  noteOffer(error: SlipwayError | undefined): void {
    this.#offer = asProblem(error);
  }

  /** As it was at the last look; undefined where there is none, and where it cannot be told. */
  get box(): Box | undefined {
    return this.#box.kind === 'box' ? this.#box.box : undefined;
  }

  /**
   * No release is put on a box that contradicts itself: what would be stopped, switched and started is not known.
   * @throws SlipwayError `box-ambiguous`, `box-contradicted`, `unit-not-ours`
   */
  async requireClearBox(): Promise<void> {
    await this.#lookAtBox();
    const reason = this.#examined.world.whyNotOurs?.();
    if (reason !== undefined) {
      throw new SlipwayError('unit-not-ours', reason, {
        hint: 'Run slipway-edge adopt to take over what is installed, or slipway-edge unadopt.',
      });
    }
    if (this.#box.kind !== 'refused') return;
    const { code, message } = this.#box;
    if (code !== 'box-ambiguous' && code !== 'box-contradicted') return;
    throw new SlipwayError(code, message, {
      hint: 'Look at slipway-edge status, and say under box in edge.yaml what is right.',
    });
  }

  /** What the next check tells. */
  async troubles(): Promise<readonly Trouble[]> {
    const { at } = this.#examined.machine.moment();
    await this.#lookAtBox();
    this.#lastTroubles = troublesOf(problemsOf(await this.#condition()), this.#lastTroubles, at);
    return this.#lastTroubles;
  }

  async #lookAtBox(): Promise<void> {
    const { box } = this.#examined.world;
    if (box) this.#box = await box.read();
  }

  async #condition(): Promise<DeviceCondition> {
    const { world, server, metadata, machine } = this.#examined;
    const { slots } = world;
    return {
      service: await this.#service(),
      damage: this.damage,
      box: this.#boxProblem(),
      stranded: machine.state.stranded && { code: 'stranded', ...machine.state.stranded },
      disk: problemIn(() => slots.tryWriting()),
      shortOf: ifKnown(() => shortOfReserve(roomsOf(world))),
      journal: asProblem(machine.journalTrouble),
      clock: asProblem(clockTrouble(server.heardTime)),
      trust: problemIn(() => metadata.load()),
      offer: this.#offer,
      held: this.#heldInTheWay(),
    };
  }

  #boxProblem(): Problem | undefined {
    if (this.#box.kind === 'refused') return this.#box;
    const reason = this.#examined.world.whyNotOurs?.();
    return reason === undefined ? undefined : { code: 'unit-not-ours', message: reason };
  }

  /** The last one that is offered still, and what keeps the running release from being repaired. */
  #heldInTheWay(): readonly Held[] {
    const { held, current } = this.#examined.machine.state;
    const last = held.at(-1);
    return held.filter(
      (entry) => entry.manifestSha256 === current?.manifestSha256 || (this.#isOffered && entry === last),
    );
  }

  /** A service that an update stops and starts is the update's. */
  async #service(): Promise<DeviceCondition['service']> {
    const { service } = this.#examined.world;
    const { current, update } = this.#examined.machine.state;
    if (!current || (update.phase !== 'idle' && !isWaiting(update))) return undefined;
    const { isActive, isStarting, detail } = await service.condition();
    const isWell = isActive || isStarting === true;
    return { isActive: isWell, detail, words: isWell ? { where: '' } : await service.lastWords() };
  }
}

function problemOf({ code, message }: SlipwayError): Problem {
  return { code, message };
}

function asProblem(error: SlipwayError | undefined): Problem | undefined {
  return error && problemOf(error);
}

function problemIn(work: () => unknown): Problem | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return problemOf(toSlipwayError(thrown));
  }
}

function ifKnown<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
