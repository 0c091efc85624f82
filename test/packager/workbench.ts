/**
 * A folder of its own for each test, with release declarations, keys, a store, and the packager: called in this process,
 * or as a program where a test is about that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { ErrorDescription } from '../../contract/errors.ts';
import { silentProgress } from '../../contract/progress.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { type BuiltRelease, readBuild } from '../../packager/release/build-folder.ts';
import { buildRelease } from '../../packager/release/build-release.ts';
import type { ManifestRenderer } from '../../packager/release/ports.ts';
import { callPackager } from '../fakes/packager-command.ts';
import { programFile } from '../services/program-files.ts';

/** Shared by all runs of the program, since most of a short run is loading it. */
const compileCache = path.join(tmpdir(), `slipway-compile-cache-${process.versions.node}`);

const main = programFile('packager');

export interface RunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of `--json`. */
  readonly json: { readonly error?: ErrorDescription } & Record<string, unknown>;
}

export interface ReleaseOptions {
  readonly version?: string;
  readonly counter?: number;
  readonly platform?: string;
  readonly product?: string;
  /** Content of the one binary, after its interpreter line. */
  readonly content?: string;
}

/** Never asked: for releases without rendered manifests. */
export const noRenderer: ManifestRenderer = {
  kustomize: () => Promise.reject(new Error('not expected')),
  helm: () => Promise.reject(new Error('not expected')),
};

export class Workbench {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Removed when the test ends. */
  static async open(): Promise<Workbench> {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-workbench-'));
    const before = process.cwd();
    onTestFinished(async () => {
      process.chdir(before);
      await rm(folder, { recursive: true, force: true });
    });
    return new Workbench(folder);
  }

  at(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  get storeUrl(): string {
    return `file://${this.at('store')}`;
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    await mkdir(path.dirname(this.at(name)), { recursive: true });
    await writeFile(this.at(name), content);
    return this.at(name);
  }

  /** A declaration with one binary, the same bytes for the same options. */
  async declare(name: string, options: ReleaseOptions = {}): Promise<string> {
    const { version = '1.0.0', counter = 1, platform = 'linux/amd64', product = 'k3s-edge', content = 'one' } = options;
    await this.write(`${name}/server`, `#!/bin/sh\n${content}\n`);
    const declaration = {
      ...{ apiVersion: 'slipway/v1', kind: 'Release', product, version, platform, counter },
      components: [{ name: 'server', kind: 'binary', source: 'server' }],
    };
    return this.write(`${name}/release.yaml`, JSON.stringify(declaration, null, 2));
  }

  async build(name: string, options: ReleaseOptions = {}): Promise<BuiltRelease> {
    const file = await this.declare(name, options);
    const manifest: ReleaseManifest = await buildRelease(file, this.at(`${name}.build`), noRenderer, silentProgress);
    return { ...(await readBuild(this.at(`${name}.build`))), manifest };
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Runs a command as a program. */
  async runProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    return finished(this.start(args, env));
  }

  /** Calls a command in this process, with names relative to the folder. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    process.chdir(this.folder);
    return withJson(await callPackager(args, env));
  }

  /** Calls a command that has to succeed. */
  async must(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    return succeeded(args, await this.run(args, env));
  }

  /** Runs a program that has to succeed. */
  async mustProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    return succeeded(args, await this.runProgram(args, env));
  }
}

export async function finished(child: ChildProcess): Promise<RunResult> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return withJson({ status, stdout, stderr });
}

function withJson(result: Omit<RunResult, 'json'>): RunResult {
  return { ...result, json: result.stdout.startsWith('{') ? JSON.parse(result.stdout) : {} };
}

function succeeded([verb]: readonly string[], result: RunResult): RunResult {
  if (result.status !== 0) throw new Error(`${verb} ended with ${result.status}: ${result.stderr}`);
  return result;
}

/** Digest of every file below a folder by its path; hidden files (locks, temporary files) are left out. */
export async function contentOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => !name.split(path.sep).some((part) => part.startsWith('.')))
    .sort();
  const digests = files.map(async (name) => {
    const bytes = await readFile(path.join(folder, name));
    return [name, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}

/** Incompressible text, the same for the same seed. */
export function noise(seed: number, characters: number): string {
  const parts: string[] = [];
  let state = createHash('sha256').update(`seed ${seed}`).digest();
  for (let length = 0; length < characters; length += 44) {
    parts.push(state.toString('base64'));
    state = createHash('sha256').update(state).digest();
  }
  return parts.join('').slice(0, characters);
}
