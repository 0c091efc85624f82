/**
 * Plays how virtual devices update: download, wait for the window, switch, prove themselves or fail, fall silent and
 * come back. They follow the real device's rules: what is answered to one that waits may call it off, and one that has
 * lost the server keeps to the window it was told.
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Release } from '../catalog/releases.ts';
import type { Decision } from '../rollout/decision.ts';
import { revertedCode } from '../rollout/standing.ts';
import type { Asking } from './asking.ts';
import { queuedKinds } from './event-queue.ts';
import type { Fate } from './fate.ts';
import type { SimulatedServer } from './simulated-server.ts';
import type { DeviceStep, Schedule, VirtualDevice, VirtualReport } from './virtual-device.ts';

interface UpdatingOutside {
  readonly server: SimulatedServer;
  readonly asking: Asking;
  readonly fate: Fate;
  readonly updateBytes: number;
  readonly schedule: Schedule;
  readonly observe: UpdatingObserver;
}

interface UpdatingObserver {
  readonly switched?: (device: VirtualDevice, release: Release, now: number) => void;
  /** What a device did, whether or not the server hears of it now. */
  readonly did?: (device: VirtualDevice, report: VirtualReport, now: number) => void;
}

const rollBackMs = 120_000;
/** How a release that is bad shows. */
const failedCode = 'health-timeout';

export class Updating {
  readonly #outside: UpdatingOutside;

  constructor(outside: UpdatingOutside) {
    this.#outside = outside;
  }

  /** What it does next by itself. */
  step(device: VirtualDevice, now: number): void {
    device.stepAt = Number.POSITIVE_INFINITY;
    switch (device.step) {
      case 'downloaded':
        this.#downloaded(device, now);
        break;
      case 'window-opens':
        this.#switch(device, now);
        break;
      case 'proved':
        this.#proved(device, now);
        break;
      case 'failed':
        device.phase = 'rolling-back';
        this.#report(device, 'rolling-back', undefined, now);
        this.#next(device, 'restored', now + rollBackMs);
        break;
      case 'restored':
        this.#restored(device, failedCode, now);
        break;
      case 'fell-back':
        this.#fellBack(device, now);
        break;
      case 'went-back':
        this.#restored(device, revertedCode, now);
        break;
      default:
        device.step satisfies never;
    }
  }

  take(device: VirtualDevice, { rollout, release, goal, window }: Decision & { kind: 'update' }, now: number): void {
    if (device.phase === 'staged' && device.order?.release === release && device.order.rollout === rollout.name) {
      device.order.window = window;
      this.#waitOrSwitch(device, now);
      return;
    }
    this.callOff(device, now);
    device.order = { rollout: rollout.name, release, goal, window };
    device.phase = 'downloading';
    device.pollAt = Number.POSITIVE_INFINITY;
    device.tries++;
    const isThere = device.downloaded === release.version;
    device.tryBytes = isThere ? 0 : this.#outside.updateBytes;
    this.#report(device, 'downloading', undefined, now);
    const doneAt = now + (isThere ? 1000 : device.is.downloadMs);
    const isFirst = !device.wasOffered;
    device.wasOffered = true;
    if (device.is.reach === 'falls-silent' && isFirst) {
      this.#fallSilent(device, doneAt, now);
      return;
    }
    this.#next(device, 'downloaded', doneAt);
  }

  /** Half of them before the download has ended, which then ends with nothing; the others go on unheard. */
  #fallSilent(device: VirtualDevice, doneAt: number, now: number): void {
    const { fate } = this.#outside;
    device.silentUntil = now + fate.absenceMs(device);
    if (fate.isCutOffLate(device)) {
      this.#next(device, 'downloaded', doneAt);
      return;
    }
    device.phase = 'idle';
    this.#report(device, 'idle', undefined, now);
    device.order = undefined;
    this.#outside.asking.after(device, now);
  }

  #downloaded(device: VirtualDevice, now: number): void {
    device.downloaded = device.order?.release.version;
    device.phase = 'staged';
    if (device.order?.window) this.#report(device, 'staged', undefined, now);
    this.#waitOrSwitch(device, now);
  }

  #waitOrSwitch(device: VirtualDevice, now: number): void {
    const window = device.order?.window;
    if (!window || (now >= window.opensAt && now < window.closesAt)) {
      this.#switch(device, now);
      return;
    }
    this.#outside.asking.after(device, now);
    if (now >= window.opensAt) return;
    if (window.opensAt < device.silentUntil) this.#next(device, 'window-opens', window.opensAt);
    else if (window.opensAt < device.pollAt) this.#outside.asking.at(device, window.opensAt);
  }

  #switch(device: VirtualDevice, now: number): void {
    const { order, is } = device;
    const { current } = device.check;
    if (!order || !current) return;
    const { fate, observe, server } = this.#outside;
    const { release } = order;
    observe.switched?.(device, release, now);
    device.pollAt = Number.POSITIVE_INFINITY;
    device.previous = current;
    device.check = { ...device.check, phase: 'probation', current: installed(release) };
    device.countedIn?.onReleaseChanged(-1);
    device.countedIn = release === order.goal ? server.run(order.rollout) : undefined;
    device.countedIn?.onReleaseChanged(1);
    this.#report(device, 'probation', undefined, now);
    if (!fate.isBad(device, release) || fate.isLate(device)) {
      this.#next(device, 'proved', now + is.updateMs);
      return;
    }
    this.#next(device, 'failed', now + fate.failsAfterMs(device));
  }

  #proved(device: VirtualDevice, now: number): void {
    const { order } = device;
    const { fate } = this.#outside;
    if (!order) return;
    const { counter } = order.release;
    device.check = {
      ...device.check,
      phase: 'committed',
      counterFloor: Math.max(device.check.counterFloor, counter),
    };
    this.#report(device, 'committed', 'committed', now);
    this.#outside.asking.after(device, now);
    if (fate.isBad(device, order.release)) this.#next(device, 'fell-back', now + fate.fallsBackAfterMs(device));
  }

  /** What an abort takes back did not fail there. */
  #restored(device: VirtualDevice, code: string, now: number): void {
    this.#leave(device, code === failedCode);
    device.phase = 'rolled-back';
    this.#report(device, 'rolled-back', 'rolled-back', now, code);
    this.#outside.asking.after(device, now);
  }

  /** Unless it does something else by then. */
  #fellBack(device: VirtualDevice, now: number): void {
    const { order } = device;
    if (!order || device.phase !== 'committed') return;
    this.#leave(device, true);
    device.phase = 'rolled-back';
    this.#report(device, 'rolled-back', 'rolled-back', now, failedCode);
    // Its own checks go on as they were; the next one has something new to say.
    this.#outside.asking.wake(device, now, false);
  }

  /** Told by an abort: to the release before, which is still there. */
  goBack(device: VirtualDevice, goal: Release, now: number): void {
    if (device.check.current?.version !== goal.version || !device.previous) {
      this.#outside.asking.after(device, now);
      return;
    }
    device.phase = 'rolling-back';
    device.pollAt = Number.POSITIVE_INFINITY;
    this.#report(device, 'rolling-back', undefined, now);
    this.#next(device, 'went-back', now + rollBackMs);
  }

  #leave(device: VirtualDevice, isRejected: boolean): void {
    const { check, previous } = device;
    if (!previous || !check.current) return;
    const rejected = isRejected ? [...check.rejected, check.current.manifestSha256].slice(-64) : check.rejected;
    device.check = { ...check, current: previous, rejected };
    device.previous = undefined;
    device.countedIn?.onReleaseChanged(-1);
    device.countedIn = undefined;
  }

  /** One that waits for its window and is not told again to install the release it waits with. */
  callOff(device: VirtualDevice, now: number): boolean {
    if (device.phase !== 'staged') return false;
    device.phase = 'idle';
    this.#report(device, 'idle', undefined, now);
    device.order = undefined;
    return true;
  }

  #report(
    device: VirtualDevice,
    phase: VirtualReport['phase'],
    outcome: VirtualReport['outcome'],
    now: number,
    code?: string,
  ): void {
    const { order, is, tryBytes } = device;
    if (!order) return;
    const report: VirtualReport = {
      ...{ sequence: ++device.reports, attempt: String(device.tries), rollout: order.rollout },
      ...{ version: order.release.version, phase, outcome, code },
      bytesOnWire: phase === 'downloading' || phase === 'idle' ? undefined : tryBytes,
    };
    this.#outside.observe.did?.(device, report, now);
    device.outbox.push(report);
    if (is.reach !== 'never' && now >= device.silentUntil) device.saying.push(...device.outbox.splice(0));
  }

  #next(device: VirtualDevice, step: DeviceStep, at: number): void {
    device.step = step;
    device.stepAt = at;
    this.#outside.schedule(device, queuedKinds.step, at);
  }
}

function installed({ version, counter, manifestSha256 }: Release): InstalledRelease {
  return { version, counter, manifestSha256 };
}
