/** Why a device is or is not offered a release; the same words in the answer, the log, the metric and the API. */
export const decisionReasons = {
  'rollout-open': 'An open wave of a rollout includes this device.',
  'up-to-date': 'The device runs the release of the rollout.',
  'newer-than-rollout': 'The device runs a newer release than the rollout offers; it is left alone.',
  'no-rollout': 'No rollout names the product of this device.',
  'wave-not-open': 'The wave that this device belongs to has not opened yet.',
  'rollout-paused': 'The rollout is paused.',
  'rollout-aborted': 'The rollout was aborted.',
  'release-unknown': 'The store has no such release for the platform of this device.',
  'release-failed-here': 'This release already failed on this device; it is not offered again.',
  'floor-first': 'A release in between may not be skipped.',
  'counter-below': 'The release has a lower anti-rollback counter than the device has committed.',
  'updater-too-old': 'The release needs a newer edge-updater.',
  'device-busy': 'The device is in the middle of an update.',
} as const;

export type DecisionReason = keyof typeof decisionReasons;
export const decisionReasonNames = Object.keys(decisionReasons) as [DecisionReason, ...DecisionReason[]];
