/** Tells by how a program ended whose trouble that is: the release's, whose program ends at once, or this device's. */
import { lastLineOfOutput } from '../update/last-words.ts';
import type { ProgramRun } from './facts.ts';
import type { Objection } from './objection.ts';

const deviceErrnos: Partial<Record<string, Objection['code']>> = {
  ...{ EACCES: 'not-executable', EPERM: 'not-executable', ENOMEM: 'memory-short', EAGAIN: 'memory-short' },
  ...{ ENOSPC: 'disk-full', EIO: 'io-error' },
};

/** @param what the command, for people @returns undefined for a program that ran to a good end */
export function objectToFailure(run: ProgramRun, what: string): Objection | undefined {
  switch (run.kind) {
    case 'ended':
      return run.status === 0
        ? undefined
        : ofRelease(`${what} ends with status ${run.status}: ${lastLineOfOutput(run)}`);
    case 'killed':
      // The kernel ends so what it has no memory for.
      return run.signal === 'SIGKILL'
        ? ofDevice('memory-short', `${what} was killed (SIGKILL)`)
        : ofRelease(`${what} ended by ${run.signal}`);
    case 'silent':
      return ofDevice('io-error', `${what} did not end within ${run.seconds} s`);
    case 'not started': {
      const code = deviceErrnos[run.errno];
      const message = `${what} cannot be started: ${run.message}`;
      return code === undefined ? ofRelease(message) : ofDevice(code, message);
    }
    default:
      throw run satisfies never;
  }
}

function ofRelease(message: string): Objection {
  return { code: 'program-broken', message, hint: 'Publish a release with a program that starts on this platform.' };
}

function ofDevice(code: Objection['code'], message: string): Objection {
  return {
    code,
    message,
    hint: 'Look at memory, disk and mounts of this device; the update is tried again by itself.',
  };
}
