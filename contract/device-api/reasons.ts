/** Names each reason why a device is or is not offered a release: the same words in answer, log, metric and API. */
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
  'counter-below': 'The release has no greater anti-rollback counter than the device has committed.',
  'updater-too-old': 'The release needs a newer edge-updater.',
  'device-busy': 'The device is in the middle of an update.',
  'not-in-group': 'The labels of the device are not those of the rollout’s group.',
  'outside-window': 'No maintenance window of the rollout is open.',
  'deadline-passed': 'The deadline of the rollout has passed; it offers nothing new.',
  'waiting-for-rollout': 'Another rollout must complete before this one starts.',
  'rollout-stalled': 'A gate of the rollout did not hold for too long; it is paused until somebody looks.',
  'site-busy': 'As many devices of the site as allowed are in the middle of an update.',
  'servers-first': 'A server of the cluster does not run the release yet; agents follow the servers.',
  'cluster-busy': 'As many servers or agents of the cluster as allowed are in the middle of an update.',
  'budget-spent': 'The rollout has moved the bytes that it may move in this period.',
  'skew-first': 'A minor version in between may not be skipped.',
  'path-missing': 'The store has no release that leads on from the one the device runs.',
  'release-unattested':
    'The release lacks an SBOM, a statement of provenance or a check of upstream that the rollout requires.',
  'revert-on-abort': 'The rollout was aborted and sends its devices back to their previous release.',
} as const;

export type DecisionReason = keyof typeof decisionReasons;
export const decisionReasonNames = Object.keys(decisionReasons) as [DecisionReason, ...DecisionReason[]];
