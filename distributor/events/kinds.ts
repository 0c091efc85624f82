/** Lists everything that is recorded in the audit log, and says which change of a campaign is which event. */
import type { Transition } from '../rollout/campaigns/transition.ts';

export const eventKinds = {
  'plan-applied': 'Another set of declarations came into force.',
  'plan-refused': 'A set of declarations was refused as a whole; the last good one stays in force.',
  'wave-opened': 'A wave opened, because the gate before it held or somebody promoted the rollout.',
  'wave-raised': 'The declaration widened a wave that is open already.',
  'gate-closed': 'The gate of the open wave does not hold, for a reason that the wave had not given before.',
  completed: 'The last wave of a rollout is through.',
  reopened: 'A completed rollout has a further wave, or a person took an abort back.',
  stalled: 'A gate did not hold for too long; the rollout is paused until somebody looks.',
  aborted: 'A rollout was stopped, until a person reopens it.',
  'fell-back': 'A device that counted as a success does not run the release any more; the success is taken back.',
  'revert-begun': 'An aborted rollout sends its devices back to their previous release from now on.',
  paused: 'Somebody paused a rollout.',
  resumed: 'Somebody resumed a rollout.',
  retried: 'Somebody lets devices that failed try once more.',
  'permit-issued': 'A device was given a signed permit to go back.',
  'device-enrolled': 'A device got a token of its own.',
  'device-accepted': 'Somebody accepted a device.',
  'device-rejected': 'Somebody did not accept a device.',
  'identity-shared': 'Two machines ask as one device; the later one is refused from now on.',
  'device-key-registered': 'A device registered its key: its bearers are short from now on.',
  'device-labelled': 'Somebody gave a device labels, or took them away.',
  'device-revoked': 'A device is refused from now on.',
  'device-forgotten': 'A device and all that was known of it was removed.',
  'token-created': 'A token was made; its text is recorded nowhere.',
  'token-revoked': 'A token is refused from now on.',
  'metadata-signed': 'Snapshot and timestamp were signed again by the online key of the server.',
  'metadata-not-signed': 'The server has the online key and could not sign; it tries again.',
  'metadata-ending': 'The signed metadata of a role ends soon, or has ended; its keys have to sign it again.',
  'events-removed': 'Events older than the server keeps them were removed.',
} as const;

export type EventKind = keyof typeof eventKinds;
export const eventKindNames = Object.keys(eventKinds) as [EventKind, ...EventKind[]];

/** What a change of a campaign is called in the audit log. */
export const kindOfTransition = {
  'open-wave': 'wave-opened',
  'raise-wave': 'wave-raised',
  complete: 'completed',
  reopen: 'reopened',
  pause: 'paused',
  stall: 'stalled',
  resume: 'resumed',
  abort: 'aborted',
  'lift-abort': 'reopened',
  retry: 'retried',
} as const satisfies Record<Transition['kind'], EventKind>;
