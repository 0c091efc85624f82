/** Rollouts in a YAML file, or in the YAML files of a folder and the folders below it. */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { sha256 } from '../../contract/digest.ts';
import { DocumentError, type DocumentProblem } from '../../contract/document.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { parseRollout, type Rollout } from '../rollout/declaration.ts';
import type { DeclaredSet, RolloutSource } from '../rollout/ports.ts';

/** Editors and Git write several times for one change. */
const settleMs = 100;
const extensions = ['.yaml', '.yml'];

/** @param place a file or a folder; names that begin with a dot are left out */
export function rolloutFiles(place: string): RolloutSource {
  return {
    location: place,
    read: () => readSet(place),
    watch: (onChange) => watchPlace(place, onChange),
  };
}

async function readSet(place: string): Promise<DeclaredSet> {
  const problems: DocumentProblem[] = [];
  const messages: string[] = [];
  const contents: string[] = [];
  const byName = new Map<string, { file: string; rollout: Rollout }>();
  for (const file of await filesOf(place)) {
    const text = await readText(file);
    contents.push(`${path.relative(place, file)} ${sha256(new TextEncoder().encode(text))}`);
    try {
      const rollout = parseRollout(text, file);
      const other = byName.get(rollout.name);
      if (other) {
        const message = `rollout ${rollout.name} is declared in ${other.file} already`;
        throw new DocumentError(file, [{ line: 1, column: 1, path: 'metadata.name', message }]);
      }
      byName.set(rollout.name, { file, rollout });
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      problems.push(...error.problems);
      messages.push(error.message);
    }
  }
  if (problems.length > 0) {
    throw new SlipwayError('document-invalid', messages.join('\n'), {
      hint: `Correct the files at the places named; ${place} is in force as a whole or not at all.`,
    });
  }
  return {
    rollouts: [...byName.values()].map(({ rollout }) => rollout),
    contentSha256: sha256(new TextEncoder().encode(contents.join('\n'))),
  };
}

async function filesOf(place: string): Promise<string[]> {
  try {
    if (!(await stat(place)).isDirectory()) return [place];
    const entries = await readdir(place, { recursive: true });
    const isHidden = (entry: string) => entry.split(path.sep).some((part) => part.startsWith('.'));
    return entries
      .filter((entry) => extensions.includes(path.extname(entry)) && !isHidden(entry))
      .sort()
      .map((entry) => path.join(place, entry));
  } catch (cause) {
    throw unreadable(place, cause);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(place: string, cause: unknown): SlipwayError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SlipwayError('document-unreadable', `${place} cannot be read: ${reason}`, {
    cause,
    hint: 'Check the path and its permissions.',
  });
}

/** The folder is watched, not the file: editors and ConfigMaps replace files by renaming. A poll covers the rest. */
function watchPlace(place: string, onChange: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(onChange, settleMs);
  };
  const watchers: FSWatcher[] = [];
  for (const folder of new Set([place, path.dirname(place)])) {
    try {
      const watcher = watch(folder, settle);
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // Not watchable, or not there yet: the poll finds the change.
    }
  }
  return () => {
    clearTimeout(settling);
    for (const watcher of watchers) watcher.close();
  };
}
