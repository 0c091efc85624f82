/**
 * Folders with a kustomization.yaml. One that only lists files is read as it is, so that a mistake has the line that a
 * person wrote; every other one is rendered by the `kustomize` or `kubectl` of this machine, without a network.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';

const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];
const timeoutMs = 60_000;
const maxReasonLines = 5;
/** Nothing listens there. */
const noNetwork = 'http://127.0.0.1:9';

export function isKustomization(file: string): boolean {
  return kustomizationNames.includes(path.basename(file));
}

/** Path of the kustomization file in a folder; undefined when there is none. */
export async function kustomizationOf(folder: string): Promise<string | undefined> {
  const name = (await readdir(folder)).find(isKustomization);
  return name === undefined ? undefined : path.join(folder, name);
}

const onlyListsSchema = z.strictObject({
  apiVersion: z.string().optional(),
  kind: z.literal('Kustomization').optional(),
  resources: z.array(z.string()),
});

/**
 * The files that a kustomization lists, through other such folders.
 * @returns undefined when it does anything else, so that only Kustomize itself knows what it means
 */
export async function listedFiles(folder: string, above: readonly string[] = []): Promise<string[] | undefined> {
  const file = await kustomizationOf(folder);
  if (file === undefined || above.includes(folder)) return undefined;
  const listed = onlyListsSchema.safeParse(parseLeniently(await readFile(file, 'utf8')));
  if (!listed.success) return undefined;
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

function parseLeniently(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Fields that hold no path: what begins there with http is data. */
const dataFields = ['commonAnnotations', 'commonLabels', 'labels', 'literals', 'metadata', 'patch', 'replacements'];

/**
 * What a kustomization, and those it builds on, name by URL. Kustomize would fetch it: another text than the commit has,
 * none at all when offline, and from addresses that only this machine may reach.
 */
async function urlsIn(folder: string, seen = new Set<string>()): Promise<string[]> {
  const file = await kustomizationOf(folder).catch(() => undefined);
  if (file === undefined || seen.has(folder)) return [];
  seen.add(folder);
  const paths = textsOf(parseLeniently(await readFile(file, 'utf8')));
  const inner = await Promise.all(paths.map((name) => urlsIn(path.resolve(folder, name), seen)));
  return [...paths.filter((name) => /^\s*https?:/i.test(name)), ...inner.flat()];
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => (dataFields.includes(field) ? [] : textsOf(inner)));
}

/**
 * @returns all documents in one text
 * @throws SlipwayError `renderer-missing`, `render-failed`
 */
export async function renderKustomization(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const [url] = await urlsIn(folder);
  if (url !== undefined) {
    throw new SlipwayError('render-failed', `${folder} names ${url}, and nothing is fetched by URL`, {
      hint: 'Keep a copy of it in the repository, so that a commit says all.',
    });
  }
  for (const [program, verb] of [
    ['kustomize', 'build'],
    ['kubectl', 'kustomize'],
  ] as const) {
    const output = await run(program, [verb, folder], env);
    if (output !== undefined) return output;
  }
  throw new SlipwayError('renderer-missing', `${folder} needs Kustomize, and neither it nor kubectl is on the PATH`, {
    hint: 'Install kustomize or kubectl, or give a folder whose kustomization.yaml only lists resources.',
  });
}

function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = {
      env: {
        PATH: env.PATH,
        HOME: '/nonexistent',
        ...{ HTTP_PROXY: noNetwork, HTTPS_PROXY: noNetwork, GIT_ALLOW_PROTOCOL: 'none', GIT_TERMINAL_PROMPT: '0' },
      },
      maxBuffer: limits.maxDeclaredBytes,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.code === ('ENOENT' as string | number)) return resolve(undefined);
      const lines = stderr.trim().split('\n').slice(-maxReasonLines).join('\n');
      reject(
        new SlipwayError('render-failed', `${program} ${args.join(' ')} failed: ${lines || error.message}`, {
          hint: `Run it by hand to see more: ${program} ${args.join(' ')}`,
          cause: error,
        }),
      );
    });
  });
}
