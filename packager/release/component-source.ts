/** The bytes of a declared component before they are packed: a file as it is, or manifests rendered to one document. */
import { createReadStream } from 'node:fs';
import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { DocumentError } from '../../contract/document.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { readYaml } from '../../contract/yaml-text.ts';
import { systemCode } from '../durable-file.ts';
import type { ComponentDeclaration } from './declaration.ts';
import type { ManifestRenderer } from './ports.ts';

export interface ComponentSource {
  /** Bytes in all. */
  readonly length: number;
  /** From the start; at most `end` bytes. */
  open(end?: number): Readable;
}

/**
 * @param folder the one that relative paths start from
 * @throws SlipwayError `component-missing`, `component-unreadable`, `component-too-large`, `renderer-missing`,
 *   `render-failed`, `document-invalid` (a manifest that is no YAML)
 */
export async function openComponent(
  component: ComponentDeclaration,
  folder: string,
  renderer: ManifestRenderer,
): Promise<ComponentSource> {
  const { name, source, kustomize, helm } = component;
  const absolute = (relative: string) => path.resolve(folder, relative);
  if (kustomize !== undefined) {
    await inspectPath(name, kustomize, absolute(kustomize));
    return memory(await renderer.kustomize(absolute(kustomize)));
  }
  if (helm !== undefined) {
    for (const file of [helm.chart, ...helm.values]) await inspectPath(name, file, absolute(file));
    return memory(await renderer.helm({ ...helm, chart: absolute(helm.chart), values: helm.values.map(absolute) }));
  }
  const file = absolute(source ?? '');
  const found = await inspectPath(name, source ?? '', file);
  if (found.isFolder && component.kind === 'manifests') return memory(await joinManifests(name, source ?? '', file));
  if (found.isFolder) {
    throw new SlipwayError('component-unreadable', `${name}: expected a file, but ${source} is a folder`, {
      hint: 'Only components of kind manifests may be folders; pack it into one file first.',
    });
  }
  if (found.length > limits.maxComponentBytes) {
    throw new SlipwayError(
      'component-too-large',
      `${name}: ${found.length} bytes, ${limits.maxComponentBytes} allowed`,
    );
  }
  return {
    length: found.length,
    open: (end) =>
      createReadStream(file, end === undefined ? { highWaterMark: 1 << 18 } : { end: Math.max(end - 1, 0) }),
  };
}

async function inspectPath(
  name: string,
  declared: string,
  file: string,
): Promise<{ isFolder: boolean; length: number }> {
  try {
    const found = await stat(file);
    await access(file, constants.R_OK);
    if (!found.isFile() && !found.isDirectory()) throw new TypeError('neither file nor folder');
    return { isFolder: found.isDirectory(), length: found.size };
  } catch (cause) {
    throw sourceError(name, declared, cause);
  }
}

/** What went wrong with a source; also for errors while its bytes are read. */
export function sourceError(name: string, declared: string, cause: unknown): SlipwayError {
  if (cause instanceof SlipwayError) return cause;
  const code = systemCode(cause);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SlipwayError('component-missing', `${name}: there is no ${declared}`, {
      hint: 'Paths are relative to the release file. Build or download the component first.',
      cause,
    });
  }
  const why = code ?? (cause instanceof Error ? cause.message : 'unknown');
  return new SlipwayError('component-unreadable', `${name}: ${declared} cannot be read (${why})`, {
    hint: 'Check its permissions and that it is a regular file.',
    cause,
  });
}

/** All YAML and JSON files below a folder as one stream of documents, ordered by path. */
async function joinManifests(name: string, declared: string, folder: string): Promise<Uint8Array> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
  if (files.length === 0) {
    throw new SlipwayError('component-missing', `${name}: no .yaml, .yml or .json file in ${declared}`);
  }
  const parts: string[] = [];
  for (const file of files) {
    const text = await readFile(path.join(folder, file), 'utf8').catch((cause: unknown) => {
      throw sourceError(name, path.join(declared, file), cause);
    });
    checkYaml(text, path.join(declared, file));
    parts.push(text.startsWith('---') ? text : `---\n${text}`);
  }
  return new TextEncoder().encode(parts.map((part) => (part.endsWith('\n') ? part : `${part}\n`)).join(''));
}

/** Manifests of others may be of any length: it takes time in proportion. */
function checkYaml(text: string, file: string): void {
  const { documents, problems, placeOf } = readYaml(text, { maxTokens: Number.POSITIVE_INFINITY });
  const found = [...problems, ...documents.flatMap((document) => document.problems)].slice(0, limits.maxProblems);
  if (found.length === 0) return;
  throw new DocumentError(
    file,
    found.map(({ offset, message }) => ({ ...placeOf(offset), path: '', message })),
  );
}

function memory(bytes: Uint8Array): ComponentSource {
  return { length: bytes.length, open: (end) => Readable.from([Buffer.from(bytes.subarray(0, end))]) };
}
