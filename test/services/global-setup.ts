/**
 * Starts the services that this run asks for, once, and provides them to the tests. SLIPWAY_SERVICES: `1` for all (as
 * `npm test` sets it), or names separated by commas (`s3`); without it nothing is started, so that one unit test does
 * not wait for Ceph.
 */
import type { TestProject } from 'vitest/node';
import { cephCommands, startCeph } from './ceph.ts';
import { missingCommands } from './commands.ts';

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!isAsked('s3')) {
    project.provide('s3', { unavailable: 'SLIPWAY_SERVICES names no s3; npm test does' });
    return undefined;
  }
  const missing = missingCommands(...cephCommands, 'setpriv');
  if (missing !== undefined) {
    project.provide('s3', { unavailable: missing });
    return undefined;
  }
  try {
    const ceph = await startCeph();
    project.provide('s3', ceph.service);
    return () => ceph.stop();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${text}\n`);
    project.provide('s3', { unavailable: text.split('\n', 1)[0] ?? text });
    return undefined;
  }
}

function isAsked(service: string): boolean {
  const asked = (process.env.SLIPWAY_SERVICES ?? '').split(',');
  return asked.includes('1') || asked.includes(service);
}
