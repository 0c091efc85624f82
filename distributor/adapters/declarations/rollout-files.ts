/**
 * Reads declarations from a YAML file, from the YAML files of a folder and the folders below it, or from a Kustomize
 * folder.
 */
import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';
import type { SourceFile } from '../../declaration/plan.ts';
import type { DeclarationSource, SourceSnapshot } from '../../reconcile/ports.ts';
import { contentRevision } from '../../reconcile/revision.ts';
import type { FilesPlace } from '../../reconcile/source-place.ts';
import { readDeclarations } from './declaration-folder.ts';

/** Editors and Git write several times for one change. */
const settleMs = 100;

export function rolloutFiles({ place, pollSeconds }: FilesPlace, env: NodeJS.ProcessEnv): DeclarationSource {
  return {
    location: place,
    isRemote: false,
    read: async (applied) => snapshotOf(place, await readDeclarations(place, { nameOf: (file) => file, env }), applied),
    watch: (onChange) => watchPlace(place, pollSeconds, onChange),
  };
}

function snapshotOf(place: string, files: readonly SourceFile[], applied: string | undefined): SourceSnapshot {
  const revision = contentRevision(files);
  return {
    revision,
    author: `whoever writes to ${place}`,
    subject: '',
    committedAt: undefined,
    ancestry: revision === applied ? 'same' : 'builds-on',
    files: async () => files,
  };
}

/** The folder is watched, not the file: editors and ConfigMaps replace files by renaming. The poll covers the rest. */
function watchPlace(place: string, pollSeconds: number, onChange: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(onChange, settleMs);
  };
  const poll = setInterval(onChange, pollSeconds * 1000);
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
    clearInterval(poll);
    for (const watcher of watchers) watcher.close();
  };
}
