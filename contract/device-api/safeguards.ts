/**
 * Defines the safeguards of a box as its updater found them: Secure Boot, TPM, disk encryption, kernel lockdown. They are
 * facts that a box tells of itself, and prove nothing: software that was changed can tell others. A rollout may ask for
 * them by labels that nobody can give.
 */
import * as z from 'zod';
import type { Labels } from './labels.ts';

/** Words rather than closed lists: a later updater may find more. `unknown` where it could not tell. */
const word = z
  .string()
  .max(32)
  .regex(/^[a-z0-9][a-z0-9.-]*$/);

export const safeguardsSchema = z.object({
  /** `on`, `off` */
  secureBoot: word,
  /** Version of the TPM, `1.2` or `2.0`; `none` where the kernel has none. */
  tpm: word,
  /** Of the disk that the state directory is on, by dm-crypt: `on`, `off` */
  diskEncryption: word,
  /** `none`, `integrity`, `confidentiality` */
  lockdown: word,
});
export type Safeguards = z.infer<typeof safeguardsSchema>;

/** Reserved: labels that begin so are made of safeguards alone. */
export const safeguardPrefix = 'box.slipway.io/';

const labelNames: Record<keyof Safeguards, string> = {
  secureBoot: 'secure-boot',
  tpm: 'tpm',
  diskEncryption: 'disk-encryption',
  lockdown: 'lockdown',
};

/** The labels that there are; a selector for another one would be a mistake. */
export const safeguardLabelKeys: readonly string[] = Object.values(labelNames).map(
  (name) => `${safeguardPrefix}${name}`,
);

export function isSafeguardLabel(key: string): boolean {
  return key.startsWith(safeguardPrefix);
}

/** What anybody but the box itself may say. */
export function withoutSafeguardLabels(own: Labels): Labels {
  const labels: Labels = {};
  for (const key in own) if (!isSafeguardLabel(key)) labels[key] = own[key] ?? '';
  return labels;
}

/** The labels that selectors see of a device: its own, without any that pretend to be safeguards, and its safeguards. */
export function withSafeguardLabels(own: Labels, safeguards: Safeguards | undefined): Labels {
  const labels = withoutSafeguardLabels(own);
  if (!safeguards) return labels;
  const names = Object.keys(labelNames) as (keyof Safeguards)[];
  for (const name of names) labels[`${safeguardPrefix}${labelNames[name]}`] = safeguards[name];
  return labels;
}

/** Of labels those that are safeguards: they count where no other word of a device does. */
export function safeguardLabelsOf(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => isSafeguardLabel(key)));
}
