/**
 * Reads the declarations of a file, of a folder and those below it, or of a kustomization, as texts with the names that
 * people know them by. They are bounded in number and size before anything is read.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import type { SourceFile } from '../../declaration/plan.ts';
import { PlanError } from '../../declaration/problem.ts';
import { isKustomization, kustomizationOf } from './kustomization-file.ts';
import { listedFiles, renderKustomization } from './kustomize.ts';

const extensions = ['.yaml', '.yml'];

interface FolderView {
  /** How a path on disk is shown. */
  readonly nameOf: (file: string) => string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * @param place a file or a folder; in a folder without kustomization.yaml, names that begin with a dot are left out
 * @throws SlipwayError `document-unreadable`, `document-invalid`, `renderer-missing`, `render-failed`
 */
export async function readDeclarations(place: string, view: FolderView): Promise<SourceFile[]> {
  const found = await filesOf(place, view);
  if (found !== 'rendered') return readAll(found, view);
  return [
    { name: `${view.nameOf(place)} (as Kustomize renders it)`, text: await renderKustomization(place, view.env) },
  ];
}

async function filesOf(place: string, { nameOf }: FolderView): Promise<string[] | 'rendered'> {
  try {
    if (!(await stat(place)).isDirectory()) return [place];
    if ((await kustomizationOf(place)) !== undefined) return (await listedFiles(place)) ?? 'rendered';
    const entries = await readdir(place, { recursive: true });
    const shown = entries.filter((entry) => !entry.split(path.sep).some((part) => part.startsWith('.')));
    const inner = shown.find(isKustomization);
    if (inner !== undefined) throw mixed(nameOf(path.join(place, inner)));
    return shown
      .filter(isDocument)
      .sort()
      .map((entry) => path.join(place, entry));
  } catch (cause) {
    throw unreadable(nameOf(place), cause);
  }
}

export function isDocument(file: string): boolean {
  return extensions.includes(path.extname(file));
}

async function readAll(files: readonly string[], { nameOf }: FolderView): Promise<SourceFile[]> {
  if (files.length > limits.maxDeclaredFiles) throw tooMany(files.length);
  let bytes = 0;
  const read: SourceFile[] = [];
  for (const file of files) {
    try {
      const { size } = await stat(file);
      bytes += size;
      if (size > limits.maxDocumentBytes) throw tooLong(nameOf(file), size);
      if (bytes > limits.maxDeclaredBytes) throw tooMuch(nameOf(file));
      read.push({ name: nameOf(file), text: decode(await readFile(file), nameOf(file)) });
    } catch (cause) {
      throw unreadable(nameOf(file), cause);
    }
  }
  return read;
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(name, 'expected text in UTF-8', 'Convert it.');
  }
}

/** A file that cannot be taken as it is. */
export function refuse(file: string, message: string, fix: string): PlanError {
  return new PlanError([{ file, line: 1, column: 1, path: '', message, fix }]);
}

export function tooLong(name: string, size: number): PlanError {
  const message = `${size} bytes are more than the ${limits.maxDocumentBytes} that a file may have`;
  return refuse(name, message, 'Split it, or move it out of the folder.');
}

export function tooMuch(name: string): PlanError {
  const message = `with this file the declarations exceed ${limits.maxDeclaredBytes} bytes together`;
  return refuse(name, message, 'Name a folder that holds rollouts only.');
}

export function tooMany(count: number): SlipwayError {
  return new SlipwayError('document-invalid', `${count} files are more than the ${limits.maxDeclaredFiles} allowed`, {
    hint: 'Name a folder that holds rollouts only; a file may hold several documents.',
  });
}

function mixed(name: string): PlanError {
  const fix = 'Name the Kustomize folder itself, or list it in a kustomization.yaml above.';
  return refuse(name, 'a folder of plain files holds a Kustomize folder', fix);
}

function unreadable(name: string, cause: unknown): SlipwayError {
  if (cause instanceof SlipwayError) return cause;
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SlipwayError('document-unreadable', `${name} cannot be read: ${reason}`, {
    cause,
    hint: 'Check the path and its permissions.',
  });
}
