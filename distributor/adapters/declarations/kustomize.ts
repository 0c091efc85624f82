/**
 * Reads folders with a kustomization.yaml. A kustomization that only lists files is read as it is, so that a mistake
 * has the line that a person wrote; every other one is rendered by the `kustomize` or `kubectl` of this machine,
 * without a network.
 */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { kustomizationOf, readKustomization } from './kustomization-file.ts';
import { refuseAddresses } from './kustomize-addresses.ts';
import { programOf, runWithoutNetwork } from './without-network.ts';

const renderTimeoutMs = 60_000;
const maxReasonLines = 5;

const onlyListsSchema = z.strictObject({
  apiVersion: z.string().optional(),
  kind: z.literal('Kustomization').optional(),
  resources: z.array(z.string()),
});

/**
 * The files that a kustomization lists, through other such folders.
 * @returns undefined when it does anything else, so that only Kustomize itself knows what it means
 * @throws SlipwayError `render-failed`
 */
export async function listedFiles(folder: string, above: readonly string[] = []): Promise<string[] | undefined> {
  const file = await kustomizationOf(folder);
  if (file === undefined || above.includes(folder)) return undefined;
  const documents = await readKustomization(file);
  const listed = onlyListsSchema.safeParse(documents[0]);
  if (!listed.success || documents.length > 1) return undefined;
  const files: string[] = [];
  for (const resource of listed.data.resources) {
    const target = path.resolve(folder, resource);
    const found = await stat(target).catch(() => undefined);
    if (found?.isDirectory()) {
      const inner = await listedFiles(target, [...above, folder]);
      if (inner === undefined) return undefined;
      files.push(...inner);
    } else if (found?.isFile() && (await isInside(folder, target))) files.push(target);
    else return undefined;
  }
  return files;
}

/** Kustomize takes files only from below the folder that names them. */
async function isInside(folder: string, file: string): Promise<boolean> {
  return (await realpath(file)).startsWith(`${await realpath(folder)}${path.sep}`);
}

/**
 * @returns all documents in one text
 * @throws SlipwayError `renderer-missing`, `render-failed`
 */
export async function renderKustomization(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  await refuseAddresses(folder);
  for (const [program, verb] of [
    ['kustomize', 'build'],
    ['kubectl', 'kustomize'],
  ] as const) {
    const file = await programOf(program, env.PATH);
    if (file !== undefined) return render(file, [verb, folder]);
  }
  throw new SlipwayError('renderer-missing', `${folder} needs Kustomize, and neither it nor kubectl is on the PATH`, {
    hint: 'Install kustomize or kubectl, or give a folder whose kustomization.yaml only lists resources.',
  });
}

async function render(program: string, args: readonly string[]): Promise<string> {
  try {
    return await runWithoutNetwork(program, args, {
      maxOutputBytes: limits.maxDeclaredBytes,
      timeoutMs: renderTimeoutMs,
    });
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string };
    const lines = stderr.trim().split('\n').slice(-maxReasonLines).join('\n');
    const command = [path.basename(program), ...args].join(' ');
    throw new SlipwayError('render-failed', `${command} failed: ${lines || message}`, {
      hint: `Run it by hand to see more: ${command}`,
      cause,
    });
  }
}
