/**
 * Defines what a release says of the K3s or K0s that it brings, and tells versions of Kubernetes by it: a release is
 * numbered by whoever makes the product, and Kubernetes' rules (skew, floors) go by the distribution's own number.
 */
import semver from 'semver';
import * as z from 'zod';
import { componentNameSchema } from './component-name.ts';
import { type Version, versionSchema } from './version.ts';

export const distributionNames = ['k3s', 'k0s'] as const;
export type DistributionName = (typeof distributionNames)[number];

/** Name of the asset that K3s embeds (scripts/package-cli of K3s), and of the folder below `<data>/data` it unpacks to. */
export const payloadSchema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');

/** As the binary itself has it; without a leading `v`, so that one version has one spelling. */
const bareVersionSchema = versionSchema.refine(
  (version) => !version.startsWith('v'),
  'expected a version without a leading v',
);

export const distributionSchema = z
  .strictObject({
    name: z.enum(distributionNames),
    version: bareVersionSchema,
    /** The component that is the binary. */
    component: componentNameSchema,
    payload: payloadSchema.optional(),
  })
  .refine(({ name, version }) => version.includes(`+${name}`), {
    path: ['version'],
    error: 'expected a version as K3s (1.33.9+k3s1) and K0s (1.33.9+k0s.0) number theirs',
  })
  .refine(({ name, payload }) => name === 'k3s' || payload === undefined, {
    path: ['payload'],
    error: 'only K3s unpacks a payload',
  });
export type ReleaseDistribution = z.infer<typeof distributionSchema>;

/** A version, and that of the distribution inside where the release states it. */
export interface Numbered {
  readonly version: Version;
  readonly distribution?: { readonly version: Version } | undefined;
}

/** True for versions that K3s and K0s number themselves: `1.33.9+k3s1`, `1.33.9+k0s.0`. */
export function isDistributionVersion(version: Version): boolean {
  return /\+(k3s|k0s)/.test(version);
}

/** The distribution's version: as stated, else the release's own where it is numbered so; undefined for other products. */
export function distributionVersionOf({ version, distribution }: Numbered): Version | undefined {
  return distribution?.version ?? (isDistributionVersion(version) ? version : undefined);
}

/** Whether both are known to bring one minor version of Kubernetes; undefined where one of them does not tell. */
export function isSameMinor(a: Numbered, b: Numbered): boolean | undefined {
  const [x, y] = [distributionVersionOf(a), distributionVersionOf(b)];
  if (x === undefined || y === undefined) return undefined;
  return semver.major(x) === semver.major(y) && semver.minor(x) === semver.minor(y);
}
