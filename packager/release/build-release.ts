/** Makes a finished build folder from a declaration: the same inputs give the same bytes, in any folder, on any day. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import { type Component, manifestSchema, type ReleaseManifest } from '../../contract/release/manifest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { schemaVersionFor, updaterNeeded } from '../../contract/release/schema-version.ts';
import { parseDocument } from '../../system/documents/document.ts';
import { finishBuild, startBuild } from './build-folder.ts';
import { type ComponentSource, openComponentSource, sourceError } from './component-source.ts';
import {
  type ComponentDeclaration,
  placementOf,
  type ReleaseDeclaration,
  releaseDeclarationSchema,
} from './declaration.ts';
import { checkExecutable, executableHeaderBytes } from './executable-format.ts';
import { packComponent } from './pack-component.ts';
import type { ManifestRenderer } from './ports.ts';
import { type ReadDistribution, readDistribution } from './read-distribution.ts';
import { settleDistribution } from './settle-distribution.ts';
import { decodeText } from './strict-text.ts';

interface OpenedComponent {
  readonly declared: ComponentDeclaration;
  readonly source: ComponentSource;
}

/** @throws SlipwayError `document-unreadable` or `document-invalid` */
async function readDeclaration(file: string): Promise<ReleaseDeclaration> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SlipwayError('document-unreadable', `cannot read ${path.basename(file)}`, {
      hint: 'Check the path and its permissions.',
      cause,
    });
  });
  return parseDocument(decodeText(bytes, path.basename(file)), releaseDeclarationSchema, path.basename(file));
}

/**
 * Every source is looked at before the first byte is packed.
 * @param file release.yaml
 * @param out folder of the build
 * @param say one line for people
 */
export async function buildRelease(
  file: string,
  out: string,
  renderer: ManifestRenderer,
  progress: Progress,
  say: (line: string) => void = () => undefined,
): Promise<ReleaseManifest> {
  const declaration = await readDeclaration(file);
  const folder = path.dirname(path.resolve(file));
  const opened: OpenedComponent[] = [];
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
  const frame = frameOf(declaration, settleDistribution(declaration, read, say));
  checkManifest(frame, opened, file);
  await startBuild(out);
  progress.expect(opened.reduce((sum, { source }) => sum + source.length, 0));
  const components: Component[] = [];
  for (const { declared, source } of opened) {
    const { length, sha256, blob } = await packComponent(declared.name, source, out, progress.advance);
    components.push({ ...describe(declared), length, sha256, blobs: [blob], deltas: [] });
  }
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
function checkManifest(frame: ReturnType<typeof frameOf>, opened: readonly OpenedComponent[], file: string): void {
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

/** In the lowest schema version that can say it, with the updater that reads it. */
function frameOf(declaration: ReleaseDeclaration, distribution: ReleaseDistribution | undefined) {
  const { product, platform, version, counter, floors, onRollback } = declaration;
  const added = {
    ...(distribution === undefined ? {} : { distribution }),
    ...(onRollback === undefined ? {} : { onRollback }),
  };
  const schemaVersion = schemaVersionFor(added);
  const minUpdaterVersion = updaterNeeded(schemaVersion, declaration.minUpdaterVersion);
  return {
    ...{ schemaVersion, product, platform, version, counter, floors, ...added },
    ...(minUpdaterVersion === undefined ? {} : { minUpdaterVersion }),
  };
}
