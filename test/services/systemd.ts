/** What tests know of the machines with a real systemd: what they boot from. The global setup prepares it. */
import { inject } from 'vitest';
import type { Unavailable } from './s3.ts';

export interface SystemdService {
  /** Folder of the root file system for SystemdMachine.boot; see systemd-root.ts. */
  readonly root: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    systemd: SystemdService | Unavailable;
  }
}

/** What machines of this run boot from, or why there are none; give `unavailable` to describeUnless. */
export function systemdService(): SystemdService | Unavailable {
  return inject('systemd');
}
