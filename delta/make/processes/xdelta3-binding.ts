/**
 * Encodes VCDIFF by the native xdelta3 binding of the npm registry, one child process a delta. The binding works on
 * whole buffers and is built for x64 Linux only; elsewhere the packager goes on without this codec and says why.
 *
 * Bundling: build `delta/make/processes/xdelta3-child.ts` as an entry of its own to `slipway-xdelta3-child.mjs` next to
 * the packager's bundle. The `@chainsafe/` packages are resolved at run time and need no `external`.
 */
import { spawn } from 'node:child_process';
import { rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { DeltaEncoder, EncodedDelta, SkippedDelta } from '../ports.ts';

/** The child needs about five times the larger input in memory. */
const maxInputBytes = 1024 ** 3;
/** Of the child's stderr, kept for the message. */
const maxComplaintLength = 2000;

interface HostMachine {
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly arch: string;
  readonly libc: 'glibc' | 'musl';
}

type Xdelta3Availability =
  | { readonly kind: 'available'; readonly encoder: DeltaEncoder }
  | {
      readonly kind: 'unavailable';
      readonly reason: 'no-build-for-machine' | 'not-installed';
      /** One sentence for people. */
      readonly detail: string;
    };

const packages: Record<string, string> = {
  'linux-x64-glibc': '@chainsafe/xdelta3-node-linux-x64-gnu',
  'linux-x64-musl': '@chainsafe/xdelta3-node-linux-x64-musl',
};

/** The npm package with the binding for a machine; undefined where none is published. */
export function bindingPackage(machine: HostMachine): string | undefined {
  return packages[buildName(machine)];
}

/**
 * The encoder for this machine, or why there is none.
 * @param resolve the file of a package; throws when it is not installed
 */
export function findXdelta3(
  machine: HostMachine = thisMachine(),
  resolve: (name: string) => string = createRequire(import.meta.url).resolve,
): Xdelta3Availability {
  const name = bindingPackage(machine);
  if (name === undefined) {
    const detail = `the VCDIFF encoder has no build for ${buildName(machine)}, only for ${Object.keys(packages).join(', ')}`;
    return { kind: 'unavailable', reason: 'no-build-for-machine', detail };
  }
  try {
    return { kind: 'available', encoder: xdelta3Encoder(resolve(name)) };
  } catch {
    const detail = `the optional package ${name} is not installed`;
    return { kind: 'unavailable', reason: 'not-installed', detail };
  }
}

function buildName(machine: HostMachine): string {
  return `${machine.platform}-${machine.arch}-${machine.libc}`;
}

export function thisMachine(): HostMachine {
  return { platform: process.platform, arch: process.arch, libc: hasGlibc() ? 'glibc' : 'musl' };
}

/** Node's report names glibc's version, and nothing for other C libraries. */
function hasGlibc(): boolean {
  if (process.platform !== 'linux') return false;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

/** @param binding the native module's file */
export function xdelta3Encoder(binding: string): DeltaEncoder {
  return {
    format: 'vcdiff',
    maxInputBytes,
    async encode(oldFile, newFile, outFile): Promise<EncodedDelta | SkippedDelta> {
      const failure = await runChild([binding, oldFile, newFile, outFile]);
      if (failure === undefined) return { kind: 'encoded', length: (await stat(outFile)).size };
      await rm(outFile, { force: true });
      return { kind: 'skipped', reason: 'encoder-failed', detail: `xdelta3 gave no delta: ${failure}` };
    },
  };
}

/** The program beside this file: its source in development, its bundle in a shipped packager. */
function childProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? 'xdelta3-child.ts' : 'slipway-xdelta3-child.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Undefined when the child succeeded, else what it said. */
function runChild(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [childProgram(), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      complaint = (complaint + text).slice(-maxComplaintLength);
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(complaint.trim() || (signal ? `killed by ${signal}, memory may be short` : `exit status ${status}`));
    });
  });
}
