/** Runs the loop of the daemon: recover, then check, update and wait, until it is told to stop. */
import { toSlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { describeHold } from '../update/holding.ts';
import { type Backoff, pollDelaySeconds, retryDelaySeconds } from '../update/retry.ts';
import { describeWaiting, type WaitForWindow, wakeForWindow } from '../update/switch-window.ts';
import type { Device } from './device.ts';
import { ServerBusy } from './server-busy.ts';

interface DaemonOptions {
  readonly intervalSeconds: number;
  readonly jitterPercent: number;
  /** After a failed check; never longer than the interval. */
  readonly backoff: Backoff;
  readonly onReady: () => void;
  readonly onPolled: (poll: DaemonPoll) => void;
}

export interface DaemonPoll {
  readonly reason: string;
  readonly message?: string | undefined;
  readonly nextPollAt: Date;
  /** The update that waits for its window. */
  readonly waiting?: WaitForWindow | undefined;
}

/** Failures in a row of work that has to end, before the server is told in between. */
const patience = 5;

/** Runs until `signal` is aborted, then throws its reason. */
export async function runDaemon(device: Device, options: DaemonOptions, signal: AbortSignal): Promise<never> {
  const { clock, narrator } = device.world;
  options.onReady();
  let failures = await recoverPatiently(device, options, signal);
  let keepAwayUntil = Number.NEGATIVE_INFINITY;
  for (let polled: Polled | undefined; ; ) {
    let wait: number;
    if (polled && clock.monotonicSeconds() < keepAwayUntil) {
      // Awake for a window, but the server does not want to hear from this device yet.
      const message = await switchUnheard(device, signal);
      polled = { ...polled, ...(message === undefined ? {} : { message }) };
      wait = keepAwayUntil - clock.monotonicSeconds();
    } else {
      polled = await poll(device, signal);
      failures = polled.isFailure ? failures + 1 : 0;
      wait = waitSeconds(polled, failures, options, clock.random());
      if (polled.retryAfterSeconds !== undefined) keepAwayUntil = clock.monotonicSeconds() + wait;
    }
    signal.throwIfAborted();
    const { waiting } = device;
    wait = Math.min(Math.max(wait, 0), wakeForWindow(waiting, clock.random()));
    const nextPollAt = new Date(clock.now() + wait * 1000);
    const { reason } = polled;
    const message = polled.message ?? (waiting && describeWaiting(waiting));
    options.onPolled({ reason, message, nextPollAt, waiting });
    const { current, update } = device.state;
    narrator.state(update.phase, `${current?.version ?? 'no release'}, ${reason}${message ? `: ${message}` : ''}`);
    await clock.sleep(wait, signal);
  }
}

interface Polled {
  readonly reason: string;
  readonly message?: string | undefined;
  readonly isFailure: boolean;
  readonly pollAfterSeconds?: number;
  /** Of a server that cannot answer now. */
  readonly retryAfterSeconds?: number;
}

async function poll(device: Device, signal: AbortSignal): Promise<Polled> {
  try {
    // A full disk may have stopped the machine half-way; nothing new begins before that has ended.
    if (device.state.update.phase !== 'idle' && !device.waiting) await resumeOrTell(device, signal);
    const { answer, attempt, held } = await device.check(signal, patience);
    const after = answer.pollAfterSeconds === undefined ? {} : { pollAfterSeconds: answer.pollAfterSeconds };
    if (held) return { reason: answer.reason, message: describeHold(held), isFailure: false, ...after };
    if (!attempt) return { reason: answer.reason, isFailure: false, ...after };
    const message = [`${attempt.version} ${attempt.outcome}`, attempt.code, attempt.message].filter(Boolean).join(', ');
    return { reason: answer.reason, message, isFailure: false, ...after };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message, hint } = toSlipwayError(thrown);
    const retryAfterSeconds = thrown instanceof ServerBusy ? { retryAfterSeconds: thrown.retryAfterSeconds } : {};
    const failed = { reason: code, isFailure: true, ...retryAfterSeconds };
    const advice = hint === undefined ? message : `${message}; ${hint}`;
    return { ...failed, message: (await switchUnheard(device, signal)) ?? advice };
  }
}

/** A device that cannot go on for its disk still says so. */
async function resumeOrTell(device: Device, signal: AbortSignal): Promise<void> {
  try {
    await device.resume(signal, patience);
  } catch (thrown) {
    signal.throwIfAborted();
    await device.tell(signal).catch(() => signal.throwIfAborted());
    throw thrown;
  }
}

/** Without a connection an open window counts as it was told. @returns what came of it */
async function switchUnheard(device: Device, signal: AbortSignal): Promise<string | undefined> {
  const { waiting } = device;
  if (waiting?.opensInSeconds === undefined || waiting.opensInSeconds > 0) return undefined;
  try {
    await device.resume(signal, patience);
    const { lastAttempt } = device.state;
    return lastAttempt && `${lastAttempt.version} ${lastAttempt.outcome}, without the server`;
  } catch (thrown) {
    signal.throwIfAborted();
    return toSlipwayError(thrown).message;
  }
}

function waitSeconds(polled: Polled, failures: number, options: DaemonOptions, random: number): number {
  if (polled.isFailure) {
    const delay = Math.min(options.intervalSeconds, retryDelaySeconds(options.backoff, failures, random));
    // Never before the server's time, and not all devices at that very time.
    return (polled.retryAfterSeconds ?? 0) + delay;
  }
  const asked = polled.pollAfterSeconds;
  const interval =
    asked === undefined
      ? options.intervalSeconds
      : Math.min(Math.max(asked, limits.minPollSeconds), limits.maxPollSeconds);
  return pollDelaySeconds(interval, options.jitterPercent, random);
}

/** A device whose disk fails during recovery goes on trying: its service runs meanwhile. */
async function recoverPatiently(device: Device, options: DaemonOptions, signal: AbortSignal): Promise<number> {
  const { clock, narrator } = device.world;
  for (let failures = 0; ; ) {
    try {
      if (failures === 0) await device.recover(signal, patience);
      else await device.resume(signal, patience);
      return 0;
    } catch (thrown) {
      signal.throwIfAborted();
      failures++;
      const { code, message } = toSlipwayError(thrown);
      narrator.warn(code, message);
      await device.tell(signal).catch(() => signal.throwIfAborted());
      await clock.sleep(retryDelaySeconds(options.backoff, failures, clock.random()), signal);
    }
  }
}
