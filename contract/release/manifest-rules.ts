/** Checks what a release.json has to keep among its members, beside the form of each. */
import type { Attachment } from './attachment.ts';
import type { ReleaseDistribution } from './distribution.ts';
import { type ManifestSchemaVersion, schemaVersionFor, updaterNeeded } from './schema-version.ts';
import type { UpstreamCheck } from './upstream-check.ts';
import type { Version } from './version.ts';

interface RuledComponent {
  readonly name: string;
  readonly kind: string;
  readonly installPath: string;
  readonly sha256: string;
  readonly blobs: readonly { readonly encoding: string; readonly sha256: string }[];
}

interface Ruled {
  readonly schemaVersion: ManifestSchemaVersion;
  readonly minUpdaterVersion?: Version | undefined;
  readonly distribution?: ReleaseDistribution | undefined;
  readonly onRollback?: unknown;
  readonly components: readonly RuledComponent[];
  readonly attachments?: readonly Attachment[] | undefined;
  readonly upstream?: readonly UpstreamCheck[] | undefined;
}

interface Breach {
  readonly path: (string | number)[];
  readonly message: string;
}

export function breachesOf(manifest: Ruled): Breach[] {
  const { components } = manifest;
  return [
    ...duplicates('name', components),
    ...duplicates('installPath', components),
    ...components.flatMap((component, index) => breachesOfComponent(component, index, components)),
    ...breachesOfSchema(manifest),
    ...breachesOfDistribution(manifest),
    ...breachesOfAttachments(manifest),
    ...breachesOfUpstream(manifest),
  ];
}

function duplicates(key: 'name' | 'installPath', components: readonly RuledComponent[]): Breach[] {
  const seen = new Set<string>();
  return components.flatMap((component, index) => {
    const value = component[key].toLowerCase();
    const isSeen = seen.has(value);
    seen.add(value);
    return isSeen ? [{ path: ['components', index, key], message: `duplicate ${key}` }] : [];
  });
}

function breachesOfComponent(
  { installPath, sha256, blobs }: RuledComponent,
  index: number,
  components: readonly RuledComponent[],
): Breach[] {
  const breaches: Breach[] = [];
  const inside = components.find((other) => other.installPath.startsWith(`${installPath}/`));
  if (inside) {
    const message = `is a file, but ${inside.name} lies inside it`;
    breaches.push({ path: ['components', index, 'installPath'], message });
  }
  if (blobs.some((blob) => blob.encoding === 'identity' && blob.sha256 !== sha256)) {
    const message = 'an identity blob has the digest of its component';
    breaches.push({ path: ['components', index, 'blobs'], message });
  }
  return breaches;
}

/** One release has one form, and no updater is offered what it cannot read. */
function breachesOfSchema(manifest: Ruled): Breach[] {
  const { schemaVersion, minUpdaterVersion } = manifest;
  const expected = schemaVersionFor(manifest);
  if (schemaVersion !== expected) {
    const message = `what it says is written in schema version ${expected}`;
    return [{ path: ['schemaVersion'], message }];
  }
  const needed = updaterNeeded(schemaVersion, minUpdaterVersion);
  if (needed === minUpdaterVersion) return [];
  return [{ path: ['minUpdaterVersion'], message: `schema version ${schemaVersion} needs edge-updater ${needed}` }];
}

function breachesOfDistribution({ distribution, components }: Ruled): Breach[] {
  if (distribution === undefined) return [];
  const component = components.find(({ name }) => name === distribution.component);
  if (component?.kind === 'binary') return [];
  const message = component ? `${component.name} is of kind ${component.kind}, not binary` : 'names no component';
  return [{ path: ['distribution', 'component'], message }];
}

/** One document is named once: of two names for it a reader would not know which one is meant. */
function breachesOfAttachments({ attachments = [] }: Ruled): Breach[] {
  const digests = attachments.map(({ sha256 }) => sha256);
  return digests.flatMap((digest, index) => {
    const isTwice = digests.indexOf(digest) !== index;
    return isTwice ? [{ path: ['attachments', index, 'sha256'], message: 'names a document twice' }] : [];
  });
}

/** Whoever reads that a component was checked finds the component and the documents that it was checked by. */
function breachesOfUpstream({ upstream = [], attachments = [], components }: Ruled): Breach[] {
  const names = new Set(components.map(({ name }) => name));
  const isAttached = (kind: Attachment['kind'], digest: string | undefined) =>
    digest === undefined || attachments.some((attachment) => attachment.kind === kind && attachment.sha256 === digest);
  return upstream.flatMap(({ component, checksums, signature }, index) => {
    const breach = (member: string, message: string): Breach => ({ path: ['upstream', index, member], message });
    const isTwice = upstream.findIndex((other) => other.component === component) !== index;
    return [
      ...(names.has(component) ? [] : [breach('component', 'names no component')]),
      ...(isTwice ? [breach('component', 'names a component twice')] : []),
      ...(isAttached('checksums', checksums?.document) ? [] : [breach('checksums', 'names no attached list')]),
      ...(isAttached('cosign-bundle', signature?.bundle) ? [] : [breach('signature', 'names no attached bundle')]),
      ...(signature?.signs === 'checksums' && checksums === undefined
        ? [breach('signature', 'signs a list that is not named')]
        : []),
    ];
  });
}
