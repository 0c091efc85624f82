/** The loop of the daemon: recover, then check, update and wait, until it is told to stop. */
import { toSlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { Device } from './device.ts';
import { type Backoff, pollDelaySeconds, retryDelaySeconds } from './update/retry.ts';

export interface DaemonOptions {
  readonly intervalSeconds: number;
  readonly jitterPercent: number;
  /** After a failed check; never longer than the interval. */
  readonly backoff: Backoff;
  readonly onReady: () => void;
  readonly onPolled: (poll: { reason: string; message?: string; nextPollAt: Date }) => void;
}

/** Runs until `signal` is aborted, then throws its reason. */
export async function runDaemon(device: Device, options: DaemonOptions, signal: AbortSignal): Promise<never> {
  const { clock, narrator } = device.world;
  options.onReady();
  let failures = await recoverPatiently(device, options, signal);
  for (;;) {
    const polled = await poll(device, signal);
    signal.throwIfAborted();
    failures = polled.isFailure ? failures + 1 : 0;
    const wait = waitSeconds(polled, failures, options, clock.random());
    const nextPollAt = new Date(clock.now() + wait * 1000);
    const { reason, message } = polled;
    options.onPolled({ reason, ...(message === undefined ? {} : { message }), nextPollAt });
    const { current, update } = device.state;
    narrator.state(update.phase, `${current?.version ?? 'no release'}, ${reason}${message ? `: ${message}` : ''}`);
    await clock.sleep(wait, signal);
  }
}

interface Polled {
  readonly reason: string;
  readonly message?: string;
  readonly isFailure: boolean;
  readonly pollAfterSeconds?: number;
}

async function poll(device: Device, signal: AbortSignal): Promise<Polled> {
  try {
    // A full disk may have stopped the machine half-way; nothing new begins before that has ended.
    if (device.state.update.phase !== 'idle') await device.resume(signal);
    const { answer, attempt } = await device.check(signal);
    const after = answer.pollAfterSeconds === undefined ? {} : { pollAfterSeconds: answer.pollAfterSeconds };
    if (!attempt) return { reason: answer.reason, isFailure: false, ...after };
    const message = [`${attempt.version} ${attempt.outcome}`, attempt.code, attempt.message].filter(Boolean).join(', ');
    return { reason: answer.reason, message, isFailure: false, ...after };
  } catch (thrown) {
    const { code, message } = toSlipwayError(thrown);
    return { reason: code, message, isFailure: true };
  }
}

function waitSeconds(polled: Polled, failures: number, options: DaemonOptions, random: number): number {
  if (polled.isFailure) return Math.min(options.intervalSeconds, retryDelaySeconds(options.backoff, failures, random));
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
      if (failures === 0) await device.recover(signal);
      else await device.resume(signal);
      return 0;
    } catch (thrown) {
      signal.throwIfAborted();
      failures++;
      const { code, message } = toSlipwayError(thrown);
      narrator.warn(code, message);
      await clock.sleep(retryDelaySeconds(options.backoff, failures, clock.random()), signal);
    }
  }
}
