/** Builds every program of this repository into `dist/`, for `npm run build`. */
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { type BundledProgram, bundleProgram } from './bundle.ts';

/** What a device must not carry: a web framework, a cloud SDK, a client or an engine of a database, Sigstore. */
const notOnDevices = ['fastify', '@fastify', '@aws-sdk', '@smithy', 'pg', 'kysely', 'better-sqlite3', '@sigstore'];

/** undici can speak it, and our devices do not. */
const absentOnDevices = ['node:http2'];

/** Three programs, which start what they consist of from files beside them (`executable: false`). */
const programs: readonly BundledProgram[] = [
  { entry: 'packager/start.ts', output: 'slipway-packager.mjs', executable: true },
  { entry: 'packager/main.ts', output: 'slipway-packager-main.mjs', executable: false, inParts: true },
  { entry: 'delta/make/processes/xdelta3-child.ts', output: 'slipway-xdelta3-child.mjs', executable: false },
  { entry: 'delta/make/processes/part-encoder-child.ts', output: 'slipway-part-encoder-child.mjs', executable: false },
  { entry: 'distributor/start.ts', output: 'slipway-distributor.mjs', executable: true },
  { entry: 'distributor/main.ts', output: 'slipway-distributor-main.mjs', executable: false, inParts: true },
  {
    entry: 'distributor/adapters/declarations/plan-thread.ts',
    output: 'slipway-distributor-plan.mjs',
    executable: false,
  },
  {
    entry: 'distributor/adapters/online-signing/signing-thread.ts',
    output: 'slipway-distributor-signing.mjs',
    executable: false,
  },
  {
    entry: 'distributor/adapters/database/sqlite/thread.ts',
    output: 'slipway-distributor-reads.mjs',
    executable: false,
  },
  { entry: 'edge-updater/start.ts', output: 'slipway-edge.mjs', executable: true, compact: true },
  {
    entry: 'edge-updater/main.ts',
    output: 'slipway-edge-device.mjs',
    executable: false,
    compact: true,
    without: notOnDevices,
    absent: absentOnDevices,
  },
  {
    entry: 'edge-updater/status-main.ts',
    output: 'slipway-edge-status.mjs',
    executable: false,
    compact: true,
    without: notOnDevices,
  },
  {
    entry: 'edge-updater/act-main.ts',
    output: 'slipway-edge-act.mjs',
    executable: false,
    compact: true,
    without: notOnDevices,
    absent: absentOnDevices,
  },
  {
    entry: 'edge-updater/apply-main.ts',
    output: 'slipway-edge-apply.mjs',
    executable: false,
    compact: true,
    without: notOnDevices,
  },
  {
    entry: 'edge-updater/adapters/delta/apply-delta-child.ts',
    output: 'slipway-edge-delta.mjs',
    executable: false,
    compact: true,
    without: notOnDevices,
  },
];

const root = path.dirname(import.meta.dirname);
const outputFolder = path.join(root, 'dist');

for (const program of programs) {
  try {
    const bytes = await bundleProgram(program, root, outputFolder);
    if (program.executable) await linkCommand(program.output);
    process.stdout.write(`dist/${program.output} ${Math.ceil(bytes / 1024)} KiB\n`);
  } catch (error) {
    // No program rather than yesterday's.
    await rm(path.join(outputFolder, program.output), { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`cannot build ${program.entry}: ${reason}\n`);
    process.exitCode = 1;
  }
}

/** `dist/bin/<name>` without an ending, for a PATH. */
async function linkCommand(output: string): Promise<void> {
  const folder = path.join(outputFolder, 'bin');
  const link = path.join(folder, path.parse(output).name);
  await mkdir(folder, { recursive: true });
  const draft = `${link}.${process.pid}`;
  await symlink(path.join('..', output), draft);
  await rename(draft, link);
}
