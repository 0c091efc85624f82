/**
 * Writes the YAML that an operator would write for the story: releases, rollouts and the configuration of the device.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { platformOfNodeArch } from '../../contract/release/platform.ts';

export type ReleaseNumber = 1 | 2 | 3;

export function versionOf(number: ReleaseNumber): string {
  return `1.0.${number}`;
}

export function rolloutName(number: ReleaseNumber): string {
  return `release-${number}`;
}

/** JSON is YAML. */
export async function writeDocument(file: string, document: object): Promise<void> {
  await writeFile(file, JSON.stringify(document, null, 2));
}

interface ReleaseFiles {
  readonly binary: string;
  /** A page that the server needs to be healthy, and where it lies in the release. */
  readonly page?: { readonly file: string; readonly path: string };
}

export function releaseDocument(product: string, number: ReleaseNumber, { binary, page }: ReleaseFiles): object {
  const server = { name: 'server', kind: 'binary', source: binary, installPath: 'bin/server' };
  return {
    apiVersion: 'slipway/v1',
    kind: 'Release',
    product,
    version: versionOf(number),
    platform: platformOfNodeArch(process.arch),
    counter: number,
    components: page ? [server, { name: 'page', kind: 'file', source: page.file, installPath: page.path }] : [server],
  };
}

/** One wave for everybody, since there is one device; one failure is enough to abort. */
export function rolloutDocument(product: string, number: ReleaseNumber): object {
  return {
    apiVersion: 'slipway/v1',
    kind: 'Rollout',
    metadata: { name: rolloutName(number) },
    spec: {
      product,
      release: versionOf(number),
      priority: number,
      waves: [{ name: 'all', percent: 100 }],
      abort: { failurePercent: 5, minFailures: 1 },
    },
  };
}

interface DeviceInput {
  readonly server: string;
  readonly deviceId: string;
  readonly product: string;
  /** Holds `root.json`, `enrolment-token` and the state of the device. */
  readonly folder: string;
  readonly command: readonly string[];
  /** URL that answers 200. */
  readonly health: string;
  readonly healthTimeoutSeconds: number;
}

/** A device in a hurry: it checks every second and soaks for one. */
export function deviceDocument(input: DeviceInput): object {
  return {
    server: input.server,
    developmentAllowHttp: true,
    deviceId: input.deviceId,
    product: input.product,
    stateDir: join(input.folder, 'device'),
    trustedRoot: join(input.folder, 'root.json'),
    enrolment: { tokenFile: join(input.folder, 'enrolment-token') },
    poll: { intervalSeconds: 1 },
    download: { retryBaseSeconds: 0.5, retryCapSeconds: 2, durableStepKiB: 16 },
    service: { manager: 'exec', command: input.command, stopTimeoutSeconds: 5 },
    health: {
      http: { url: input.health },
      timeoutSeconds: input.healthTimeoutSeconds,
      intervalSeconds: 0.3,
      soakSeconds: 1,
    },
  };
}
