/** Makes a finished build folder from a declaration: the same inputs give the same bytes, in any folder, on any day. */
import path from 'node:path';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import { type Component, manifestSchema, type ReleaseManifest } from '../../contract/release/manifest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { schemaVersionFor, updaterNeeded } from '../../contract/release/schema-version.ts';
import { parseDocument } from '../../system/documents/document.ts';
import { writeAttachments } from '../attachments/attach.ts';
import { finishBuild, startBuild } from './build-folder.ts';
import { type ComponentSource, type OpenedSource, openComponentSource, sourceError } from './component-source.ts';
import {
  type ComponentDeclaration,
  placementOf,
  type ReleaseDeclaration,
  releaseDeclarationSchema,
} from './declaration.ts';
import { checkExecutable, executableHeaderBytes } from './executable-format.ts';
import { readGiven } from './given-document.ts';
import { packComponent } from './pack-component.ts';
import type { ManifestRenderer } from './ports.ts';
import { type ReadDistribution, readDistribution } from './read-distribution.ts';
import {
  gatherDocuments,
  noDocuments,
  type ReleaseDocuments,
  requirePacked,
  verifiedUpstream,
  withStatement,
} from './release-documents.ts';
import { settleDistribution } from './settle-distribution.ts';
import { decodeText } from './strict-text.ts';

/** @throws SlipwayError `document-unreadable` or `document-invalid` */
async function readDeclaration(file: string): Promise<{ declaration: ReleaseDeclaration; digest: Digest }> {
  const { bytes, name } = await readGiven(file);
  const declaration = parseDocument(decodeText(bytes, name), releaseDeclarationSchema, name);
  return { declaration, digest: sha256(bytes) };
}

/**
 * Every source is looked at before the first byte is packed.
 * @param file release.yaml
 * @param out folder of the build
 * @param say one line for people
 * @param documents what goes beside the components, and what they are compared with
 */
export async function buildRelease(
  file: string,
  out: string,
  renderer: ManifestRenderer,
  progress: Progress,
  say: (line: string) => void = () => undefined,
  documents: ReleaseDocuments = noDocuments,
): Promise<ReleaseManifest> {
  const { declaration, digest } = await readDeclaration(file);
  const folder = path.dirname(path.resolve(file));
  const opened: OpenedSource[] = [];
  const read = new Map<string, ReadDistribution>();
  for (const declared of declaration.components) {
    const source = await openComponentSource(declared, folder, renderer, say);
    if (declared.kind === 'binary') {
      await checkHead(declared, source, declaration.platform);
      const found = readDistribution(path.resolve(folder, declared.source ?? ''));
      if (found) read.set(declared.name, found);
    }
    opened.push({ declared, source });
  }
  const distribution = settleDistribution(declaration, read, say);
  checkManifest(frameOf(declaration, { distribution }), opened, file);
  const upstream = await verifiedUpstream(opened, documents.evidence);
  const gathered = gatherDocuments(upstream, documents.sboms);
  await startBuild(out);
  progress.expect(opened.reduce((sum, { source }) => sum + source.length, 0));
  const components: Component[] = [];
  for (const { declared, source } of opened) {
    const { length, sha256: packed, blob } = await packComponent(declared.name, source, out, progress.advance);
    requirePacked(upstream, declared.name, packed);
    components.push({ ...describe(declared), length, sha256: packed, blobs: [blob], deltas: [] });
  }
  const stated = { ...declaration, distribution, components, upstream: upstream.checks };
  const attached = withStatement(gathered, documents.statement, stated, digest);
  await writeAttachments(out, attached);
  const frame = frameOf(declaration, {
    distribution,
    ...(upstream.checks.length === 0 ? {} : { upstream: upstream.checks }),
    ...(attached.length === 0 ? {} : { attachments: attached.map(({ attachment }) => attachment) }),
  });
  const manifest = manifestSchema.parse({ ...frame, components });
  await finishBuild(out, manifest);
  return manifest;
}

async function checkHead(declared: ComponentDeclaration, source: ComponentSource, platform: Platform): Promise<void> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of source.open(executableHeaderBytes)) chunks.push(chunk);
  } catch (error) {
    throw sourceError(declared.name, declared.source ?? '', error);
  }
  checkExecutable(declared.name, Buffer.concat(chunks), platform);
}

/** Finds duplicate names and colliding paths before anything is written. */
function checkManifest(frame: ReturnType<typeof frameOf>, opened: readonly OpenedSource[], file: string): void {
  const zero = '0'.repeat(64);
  const components = opened.map(({ declared }) => ({
    ...describe(declared),
    length: 0,
    sha256: zero,
    blobs: [{ encoding: 'identity', length: 0, sha256: zero }],
    deltas: [],
  }));
  const parsed = manifestSchema.safeParse({ ...frame, components });
  if (parsed.success) return;
  const issue = parsed.error.issues[0];
  throw new SlipwayError('document-invalid', `${path.basename(file)}: ${issue?.path.join('.')}: ${issue?.message}`, {
    hint:
      issue?.path[0] === 'components'
        ? 'Each component needs its own name and its own install path.'
        : 'Correct it, or leave it out where the binary tells it.',
  });
}

function describe(declared: ComponentDeclaration) {
  return { name: declared.name, kind: declared.kind, ...placementOf(declared) };
}

type SaidBeside = Pick<ReleaseManifest, 'attachments' | 'upstream'> & {
  readonly distribution: ReleaseDistribution | undefined;
};

/** In the lowest schema version that can say it, with the updater that reads it. */
function frameOf(declaration: ReleaseDeclaration, { distribution, ...beside }: SaidBeside) {
  const { product, platform, version, counter, floors, onRollback } = declaration;
  const added = {
    ...(distribution === undefined ? {} : { distribution }),
    ...(onRollback === undefined ? {} : { onRollback }),
    ...beside,
  };
  const schemaVersion = schemaVersionFor(added);
  const minUpdaterVersion = updaterNeeded(schemaVersion, declaration.minUpdaterVersion);
  return {
    ...{ schemaVersion, product, platform, version, counter, floors, ...added },
    ...(minUpdaterVersion === undefined ? {} : { minUpdaterVersion }),
  };
}
