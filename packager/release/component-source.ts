/**
 * Reads the bytes of a declared component before they are packed: a file as it is, or manifests as one stream of
 * documents that was read strictly, from a file, a folder or a renderer.
 */
import { createReadStream } from 'node:fs';
import { access, constants, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { systemCode } from '../../system/files/system-code.ts';
import type { ComponentDeclaration } from './declaration.ts';
import { findManifests } from './manifest-folder.ts';
import { joinManifests, type ManifestText, readManifestText } from './manifest-text.ts';
import type { ManifestRenderer } from './ports.ts';

/** Ignored files that are named one by one. */
const maxSaid = 20;

export interface ComponentSource {
  /** Bytes in all. */
  readonly length: number;
  /** From the start; at most `end` bytes. */
  open(end?: number): Readable;
}

/** A component as it is declared, and its bytes. */
export interface OpenedSource {
  readonly declared: ComponentDeclaration;
  readonly source: ComponentSource;
}

/**
 * @param folder the one that relative paths start from
 * @param say one line for people: what lies in a folder and is not packed
 * @throws SlipwayError `component-missing`, `component-unreadable`, `component-too-large`, `renderer-missing`,
 *   `render-failed`, `document-invalid` (a manifest that Kubernetes tools do not read as it stands)
 */
export async function openComponentSource(
  component: ComponentDeclaration,
  folder: string,
  renderer: ManifestRenderer,
  say: (line: string) => void,
): Promise<ComponentSource> {
  const { name, source, kustomize, helm } = component;
  const absolute = (relative: string) => path.resolve(folder, relative);
  if (kustomize !== undefined) {
    await inspectPath(name, kustomize, absolute(kustomize));
    return checked(name, await renderer.kustomize(absolute(kustomize)), `${kustomize} as rendered`);
  }
  if (helm !== undefined) {
    for (const file of [helm.chart, ...helm.values]) await inspectPath(name, file, absolute(file));
    const chart = { ...helm, chart: absolute(helm.chart), values: helm.values.map(absolute) };
    return checked(name, await renderer.helm(chart), `${helm.chart} as rendered`);
  }
  const file = absolute(source ?? '');
  const found = await inspectPath(name, source ?? '', file);
  if (found.isFolder && component.kind === 'manifests') return memory(await readFolder(name, source ?? '', file, say));
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
  if (component.kind === 'manifests') {
    requireReadable(name, found.length);
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw sourceError(name, source ?? '', cause);
    });
    return checked(name, bytes, source ?? '');
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

/** All manifests below a folder as one stream of documents, ordered by path. */
async function readFolder(
  name: string,
  declared: string,
  folder: string,
  say: (line: string) => void,
): Promise<Uint8Array> {
  const shown = (file: string) => path.join(declared, file);
  const { files, ignored } = await findManifests(name, declared, folder).catch((cause: unknown) => {
    throw sourceError(name, declared, cause);
  });
  sayAll(ignored, (line) => say(`${name}: ${line}`));
  if (files.length === 0) {
    throw new SlipwayError('component-missing', `${name}: no .yaml, .yml or .json file in ${declared}`);
  }
  const sources: ManifestText[] = [];
  let length = 0;
  for (const file of files) {
    const bytes = await readFile(path.join(folder, file)).catch((cause: unknown) => {
      throw sourceError(name, shown(file), cause);
    });
    length += bytes.length;
    requireReadable(name, length);
    const source = readManifestText(bytes, shown(file));
    if (source.documents.length > 0) sources.push(source);
    else say(`${name}: ${shown(file)} is ignored: it holds no document`);
  }
  if (sources.length === 0) throw noDocument(name, declared);
  return joinManifests(sources);
}

/** Manifests from one file or a renderer, as they are. */
function checked(name: string, bytes: Uint8Array, file: string): ComponentSource {
  requireReadable(name, bytes.length);
  if (readManifestText(bytes, file).documents.length === 0) throw noDocument(name, file);
  return memory(withoutMark(bytes));
}

function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

function sayAll(lines: readonly string[], say: (line: string) => void): void {
  for (const line of lines.slice(0, maxSaid)) say(line);
  if (lines.length > maxSaid) say(`${lines.length - maxSaid} more files are ignored`);
}

function requireReadable(name: string, length: number): void {
  if (length <= limits.maxManifestTextBytes) return;
  throw new SlipwayError(
    'component-too-large',
    `${name}: ${length} bytes of manifests, ${limits.maxManifestTextBytes} allowed`,
    { hint: 'Split it into several components.' },
  );
}

function noDocument(name: string, file: string): SlipwayError {
  return new SlipwayError('component-missing', `${name}: ${file} holds no document, only white space and comments`, {
    hint: 'Put a manifest there, or leave the component out.',
  });
}

function memory(bytes: Uint8Array): ComponentSource {
  return { length: bytes.length, open: (end) => Readable.from([Buffer.from(bytes.subarray(0, end))]) };
}
