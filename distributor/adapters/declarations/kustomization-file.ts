/**
 * Reads a kustomization.yaml as Kustomize and we read it alike: strict and bounded. It refuses what the two could take
 * for different things (tags, encodings, line breaks of YAML 1.1).
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { visit } from 'yaml';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { readYaml } from '../../../system/documents/yaml-text.ts';

const names = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];
/** Line breaks in YAML 1.1, which Kustomize reads, and characters that no text has. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const oddCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u0085\u2028\u2029\ufeff]|\r(?!\n)/;

export function isKustomization(file: string): boolean {
  return names.includes(path.basename(file));
}

/** Path of the kustomization file in a folder; undefined when there is none. */
export async function kustomizationOf(folder: string): Promise<string | undefined> {
  const name = (await readdir(folder)).find(isKustomization);
  return name === undefined ? undefined : path.join(folder, name);
}

/**
 * Plain values of the documents of a file.
 * @throws SlipwayError `render-failed` with file, line and reason
 */
export async function readKustomization(file: string): Promise<unknown[]> {
  return plainDocuments(decode(await readFile(file), file), file);
}

/** @param file for messages @throws SlipwayError `render-failed` */
export function plainDocuments(text: string, file: string): unknown[] {
  if (text.length > limits.maxKustomizationBytes) {
    throw unfit(file, 1, 1, `it is longer than ${limits.maxKustomizationBytes} bytes`);
  }
  const { documents, problems, placeOf } = readYaml(text, { maxTokens: limits.maxKustomizationTokens });
  const refuse = (offset: number, message: string) => {
    const { line, column } = placeOf(offset);
    return unfit(file, line, column, message);
  };
  const odd = oddCharacters.exec(text);
  if (odd) throw refuse(odd.index, 'a character that not every reader takes for the same');
  const [problem] = [...problems, ...documents.flatMap((document) => document.problems)];
  if (problem) throw refuse(problem.offset, problem.message);
  for (const { root } of documents) {
    visit(root, {
      Node: (_, node) => {
        if ('tag' in node && node.tag !== undefined) {
          throw refuse(node.range?.[0] ?? 0, `the tag ${node.tag}: write the value without it`);
        }
      },
    });
  }
  return documents.map((document) => document.toPlain());
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unfit(file, 1, 1, 'expected text in UTF-8');
  }
}

function unfit(file: string, line: number, column: number, message: string): SlipwayError {
  return new SlipwayError('render-failed', `${file}:${line}:${column}: ${message}`, {
    hint: 'Correct the kustomization at the place named.',
  });
}
