/** Names the person who works on the state of this machine, for the audit log. */
import { userInfo } from 'node:os';

/** `command line` and the account; a container may have none. */
export function localActor(): string {
  try {
    return `command line ${userInfo().username}`;
  } catch {
    return 'command line';
  }
}
