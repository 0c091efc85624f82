/**
 * Starts or prepares the services that this run asks for, once, and provides them to the tests. SLIPWAY_SERVICES: `1`
 * for all (as `npm test` sets it), or names separated by commas (`s3`, `postgres`, `systemd`); without it nothing is started, so
 * that one unit test does not wait for Ceph.
 */
import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { cephCommands, startCeph } from './ceph.ts';
import { missingCommands } from './commands.ts';
import { PostgresServer, startablePostgres, whyNoPostgres } from './postgres-server.ts';
import type { Unavailable } from './s3.ts';
import type { SystemdService } from './systemd.ts';
import { SystemdMachine, whyNoMachine } from './systemd-machine.ts';
import { systemdRoot } from './systemd-root.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  const s3 = provided('s3', missingCommands(...cephCommands, 'setpriv'), async () => {
    const ceph = await startCeph();
    stops.push(() => ceph.stop());
    return ceph.service;
  });
  const systemd = provided('systemd', whyNoMachine(), bootableRoot);
  const postgres = provided('postgres', whyNoPostgres(), async () => {
    const service = await startablePostgres();
    const prepared = await PostgresServer.prepare(service);
    stops.push(() => rm(prepared, { recursive: true, force: true }));
    return { ...service, prepared };
  });
  project.provide('s3', await s3);
  project.provide('postgres', await postgres);
  project.provide('systemd', await systemd);
  return async () => {
    for (const stop of stops) await stop();
  };
}

/** @returns the service, or why this run has none: not asked for, something missing, or what its start threw */
async function provided<T>(
  name: string,
  missing: string | undefined,
  start: () => Promise<T>,
): Promise<T | Unavailable> {
  if (!isAsked(name)) return { unavailable: `SLIPWAY_SERVICES names no ${name}; npm test does` };
  if (missing !== undefined) return { unavailable: missing };
  try {
    return await start();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${text}\n`);
    return { unavailable: text.split('\n', 1)[0] ?? text };
  }
}

/** Boots a machine once, so that a host whose kernel or rights do not allow that skips the suites instead of failing. */
async function bootableRoot(): Promise<SystemdService> {
  const root = await systemdRoot();
  const machine = await SystemdMachine.boot(root, {});
  await machine.stop();
  return { root };
}

function isAsked(service: string): boolean {
  const asked = (process.env.SLIPWAY_SERVICES ?? '').split(',');
  return asked.includes('1') || asked.includes(service);
}
