/**
 * Lays the YAML and JSON files of a commit out in a folder of their own, for reading and for Kustomize. Only regular
 * files: links are not followed, submodules are not entered, and no path leads out of the folder.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { isDocument, refuse, tooLong, tooMany, tooMuch } from '../declarations/declaration-folder.ts';
import { isKustomization } from '../declarations/kustomization-file.ts';
import type { GitMirror, TreeEntry } from './mirror.ts';

const linkMode = '120000';
const fileModes = ['100644', '100755', '100664'];

/** Of what lies around the declarations and overlays may refer to. */
const maxSurroundingFiles = 10_000;
const maxSurroundingBytes = 64 * 1024 * 1024;

/** @throws SlipwayError `git-path-missing`, `document-invalid`, `io-error` */
export async function layOut(mirror: GitMirror, commit: string, below: string, folder: string): Promise<void> {
  const entries = await mirror.entries(commit, below);
  const isThere = below === '' || entries.some((entry) => entry.path.startsWith(`${below}/`) || isFile(entry));
  if (!isThere) throw missingPath(commit, below);
  await mkdir(path.join(folder, path.dirname(below || '.')), { recursive: true });
  await write(mirror, declared(entries, below), folder);
  const isOverlay = entries.some((entry) => isFile(entry) && isKustomization(entry.path));
  if (!isOverlay || below === '') return;
  // Overlays name folders beside and above their own.
  await write(mirror, surrounding(await mirror.entries(commit, ''), below), folder);
}

/** What is declared: refused where it cannot be taken as it is. */
function declared(entries: readonly TreeEntry[], below: string): TreeEntry[] {
  const files = entries.filter(({ path: file }) => isWanted(file) && !isHidden(file.slice(below.length)));
  if (files.length > limits.maxDeclaredFiles) throw tooMany(files.length);
  let bytes = 0;
  for (const entry of files) {
    if (entry.mode === linkMode) throw linked(entry.path);
    bytes += entry.size;
    if (entry.size > limits.maxDocumentBytes) throw tooLong(entry.path, entry.size);
    if (bytes > limits.maxDeclaredBytes) throw tooMuch(entry.path);
  }
  return files.filter(isFile);
}

/** What Kustomize may be led to: what cannot be taken is left out, and Kustomize says so where it is missed. */
function surrounding(entries: readonly TreeEntry[], below: string): TreeEntry[] {
  const files = entries
    .filter((entry) => isFile(entry) && isWanted(entry.path) && entry.size <= limits.maxDocumentBytes)
    .filter((entry) => !entry.path.startsWith(`${below}/`));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (files.length <= maxSurroundingFiles && bytes <= maxSurroundingBytes) return files;
  throw new SlipwayError(
    'document-invalid',
    `the repository has ${files.length} files that an overlay may refer to, ${bytes} bytes`,
    { hint: `Keep rollouts in a repository of their own; ${maxSurroundingFiles} files are laid out at most.` },
  );
}

function isWanted(file: string): boolean {
  return isDocument(file) || isKustomization(file) || file.endsWith('.json');
}

function isHidden(file: string): boolean {
  return file.split('/').some((name) => name.startsWith('.'));
}

function isFile({ mode }: TreeEntry): boolean {
  return fileModes.includes(mode);
}

async function write(mirror: GitMirror, entries: readonly TreeEntry[], folder: string): Promise<void> {
  const contents = await mirror.contents(entries);
  for (const [index, entry] of entries.entries()) {
    const target = path.resolve(folder, entry.path);
    // A forged tree may hold "..": nothing is written outside.
    if (!target.startsWith(`${folder}${path.sep}`)) throw leadsOut(entry.path);
    try {
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, contents[index] ?? '', { flag: 'wx' });
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new SlipwayError('io-error', `${target} cannot be written: ${reason}`, { cause });
    }
  }
}

function linked(file: string): SlipwayError {
  return refuse(file, 'this is a symbolic link, and links are not followed', 'Put the file itself here.');
}

function leadsOut(file: string): SlipwayError {
  return refuse(file, 'this path leads out of the repository', 'Remove it from the tree.');
}

function missingPath(commit: string, below: string): SlipwayError {
  return new SlipwayError('git-path-missing', `commit ${commit} has no folder ${below}`, {
    hint: 'Correct --git-path; links are not followed. What was applied last stays in force.',
  });
}
