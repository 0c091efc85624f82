/**
 * Names what may be required of a release about where it is from, and tells what a release lacks of it. Devices and
 * rollouts ask the same. Whether a statement is signed by the right key is for whoever has that key: a device.
 */
import type { Attachment } from './attachment.ts';
import type { UpstreamCheck } from './upstream-check.ts';

export const originRequirements = ['sbom', 'provenance', 'upstream'] as const;
export type OriginRequirement = (typeof originRequirements)[number];

/** What a release brings along; absent for none of it. */
export type ReleaseOrigin = readonly OriginRequirement[];

interface Originated {
  readonly attachments?: readonly Pick<Attachment, 'kind'>[] | undefined;
  readonly upstream?: readonly UpstreamCheck[] | undefined;
  readonly distribution?: { readonly component: string } | undefined;
}

export function originOf(release: Originated): ReleaseOrigin {
  const kinds = (release.attachments ?? []).map(({ kind }) => kind);
  const isThere: Record<OriginRequirement, boolean> = {
    sbom: kinds.includes('sbom'),
    provenance: kinds.includes('provenance'),
    upstream: isUpstreamChecked(release),
  };
  return originRequirements.filter((requirement) => isThere[requirement]);
}

/** In the order of the list above; empty where nothing is missing. */
export function lackingOrigin(required: readonly OriginRequirement[], origin: ReleaseOrigin): OriginRequirement[] {
  return originRequirements.filter((each) => required.includes(each) && !origin.includes(each));
}

/**
 * Something was compared, and the K3s or K0s inside is among that. The build has compared every file by then that is not
 * declared as the publisher's own.
 */
function isUpstreamChecked({ upstream = [], distribution }: Originated): boolean {
  if (distribution === undefined) return upstream.length > 0;
  return upstream.some(({ component }) => component === distribution.component);
}
