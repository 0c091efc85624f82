/**
 * Refuses what Kustomize would fetch: a text other than the commit's, none at all when offline, and one from addresses
 * that only this machine may reach. Every string of every kustomization that is reached counts, whatever field it is
 * in, and so does every string of a transformer, generator or validator.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { kustomizationOf, plainDocuments, readKustomization } from './kustomization-file.ts';

/** What they list are programs of Kustomize's own with paths in fields of theirs. */
const plugins = ['transformers', 'generators', 'validators'];

/**
 * A URL, a repository by SSH or in short, a query of one: what Kustomize takes for a place that is not on this disk.
 */
const remote = [
  /^(https?|gh):/i,
  /^[a-z][a-z0-9+.-]*:[:/]/i,
  /^[^\s/@:]+@[^\s/:]+:/,
  /^(www\.)?github\.com([/:]|$)/i,
  /^\S*[?&](ref|version|timeout|submodules)=\S*$/i,
  /^\S*(\.git|\/_git)([/?]\S*)?$/i,
];

/** Where it takes files by another name, `name=` stands in front. */
function looksRemote(text: string): boolean {
  return [text, text.slice(text.indexOf('=') + 1)].some((place) => {
    const bare = place.replace(/^[\s"']+/, '');
    return remote.some((pattern) => pattern.test(bare));
  });
}

/** @throws SlipwayError `render-failed` */
export async function refuseAddresses(folder: string, seen = new Set<string>()): Promise<void> {
  const file = await kustomizationOf(folder).catch(() => undefined);
  if (file === undefined || seen.has(folder)) return;
  seen.add(folder);
  if (seen.size > limits.maxKustomizations) {
    throw refused(folder, `builds on more than ${limits.maxKustomizations} folders`, 'Build on fewer folders.');
  }
  const documents = await readKustomization(file);
  const texts = documents.flatMap(textsOf);
  refuseIn(texts, file);
  for (const document of documents) {
    for (const field of plugins) await refuseInPlugins(textsOf(fieldOf(document, field)), folder, file);
  }
  for (const name of texts) await refuseAddresses(path.resolve(folder, name), seen);
}

/** A folder of plugins could be patched into anything; files and texts are what they say. */
async function refuseInPlugins(entries: readonly string[], folder: string, file: string): Promise<void> {
  for (const entry of entries) {
    const place = path.resolve(folder, entry);
    const found = entry.includes('\n') ? undefined : await stat(place).catch(() => undefined);
    if (found?.isDirectory()) {
      throw refused(file, `takes transformers or generators from the folder ${entry}`, 'Name the files themselves.');
    }
    const documents = found?.isFile() ? await readKustomization(place) : plainDocuments(entry, file);
    refuseIn(documents.flatMap(textsOf), found ? place : file);
  }
}

function refuseIn(texts: readonly string[], file: string): void {
  const address = texts.find(looksRemote);
  if (address === undefined) return;
  const shown = address.length > 200 ? `${address.slice(0, 200)}…` : address;
  const hint =
    'Keep a copy of it in the repository, so that a commit says all; write an address that is data in a patch.';
  throw refused(file, `names ${shown}, and nothing is fetched by URL`, hint);
}

/** Keys, too. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    Array.isArray(value) ? textsOf(inner) : [key, ...textsOf(inner)],
  );
}

function fieldOf(document: unknown, field: string): unknown {
  return typeof document === 'object' && document !== null ? (document as Record<string, unknown>)[field] : undefined;
}

function refused(file: string, message: string, hint: string): SlipwayError {
  return new SlipwayError('render-failed', `${file} ${message}`, { hint });
}
