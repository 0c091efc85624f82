/** What we ship to run the distributor by starts it: the very arguments, with the paths of a temporary folder. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { program } from '../corpus/programs.ts';
import { missingCommands } from '../services/commands.ts';
import { postgresService } from '../services/postgres.ts';
import { PostgresServer } from '../services/postgres-server.ts';
import { programFile } from '../services/program-files.ts';
import { describeUnless } from '../services/requirement.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '../..');
const distributor = programFile('distributor');
const example = path.join(root, 'infra/rollouts/example/base');
const service = postgresService();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'deployments-'));
  for (const name of ['store', 'state']) await mkdir(path.join(folder, name));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts it as the deployment says, asks `/healthz`, and ends it. @returns its exit status */
async function startAndEnd(shipped: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const here: Record<string, string> = {
    'file:///var/lib/slipway-store': `file://${folder}/store`,
    '/var/lib/slipway-distributor': `${folder}/state`,
    '/etc/slipway/rollouts': example,
    '0.0.0.0:8080': '127.0.0.1:0',
    '0.0.0.0:8443': '127.0.0.1:0',
    '0.0.0.0:9464': '127.0.0.1:0',
    '127.0.0.1:9464': '127.0.0.1:0',
    '$(SLIPWAY_STORE)': `file://${folder}/store`,
    '${SLIPWAY_STORE}': `file://${folder}/store`,
    '${CREDENTIALS_DIRECTORY}': folder,
  };
  const args = shipped.map((word) => Object.entries(here).reduce((text, [from, to]) => text.replace(from, to), word));
  const started = spawn(process.execPath, [distributor, ...args, '--json', '--log-level', 'silent'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const exited = once(started, 'exit') as Promise<[number | null]>;
  const line = once(createInterface(started.stdout), 'line').then(([text]) => JSON.parse(String(text)));
  const { listening, metrics } = await Promise.race([
    line,
    exited.then(([status]) => ({ listening: `exit ${status}` })),
  ]);
  expect(listening).toMatch(/^https?:/);
  if (listening.startsWith('http:')) expect((await fetch(`${listening}/healthz`)).status).toBe(200);
  if (shipped.join(' ').includes('--metrics-listen')) {
    expect(await (await fetch(metrics)).text()).toContain('slipway_leader');
  }
  started.kill('SIGTERM');
  return (await exited)[0] ?? -1;
}

interface StatefulSet {
  readonly kind: string;
  readonly spec: {
    readonly replicas: number;
    readonly volumeClaimTemplates?: readonly { metadata: { name: string } }[];
    readonly template: {
      readonly spec: {
        readonly volumes: readonly { name: string }[];
        readonly containers: readonly [
          {
            readonly args: readonly string[];
            readonly envFrom: readonly { secretRef: { name: string } }[];
            readonly volumeMounts: readonly { name: string }[];
          },
        ];
      };
    };
  };
}

async function rendered(name: string): Promise<StatefulSet> {
  const kubectl = await program('kubectl-1.33.9');
  const { stdout } = await run(kubectl, ['kustomize', path.join(root, 'infra/kustomize', name)]);
  const documents = parseAllDocuments(stdout).map((document) => document.toJS() as StatefulSet);
  const found = documents.find(({ kind }) => kind === 'StatefulSet');
  if (!found) throw new Error(`${name} has no StatefulSet`);
  return found;
}

function volumesOf({ spec }: StatefulSet): { mounted: string[]; given: string[] } {
  const { volumes, containers } = spec.template.spec;
  const claims = spec.volumeClaimTemplates ?? [];
  return {
    mounted: containers[0].volumeMounts.map(({ name }) => name).sort(),
    given: [...volumes.map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)].sort(),
  };
}

describe('the distributor starts as', () => {
  it('the container has it', async () => {
    const text = await readFile(path.join(root, 'infra/container/Containerfile'), 'utf8');
    const command = /^CMD (\[[\s\S]*?\])$/m.exec(text.replaceAll('\\\n', ''))?.[1] ?? '';
    expect(await startAndEnd(JSON.parse(command))).toBe(0);
    expect(text).toMatch(/apt-get install .*\bgit\b/);
  });

  it('the base for Kubernetes has it', async () => {
    const base = await rendered('base');
    expect(base.spec.replicas).toBe(1);
    const { mounted, given } = volumesOf(base);
    expect(given).toEqual(mounted);
    expect(await startAndEnd(base.spec.template.spec.containers[0].args)).toBe(0);
  }, 300_000);
});

describeUnless(missingCommands('openssl'), 'the distributor starts by systemd', () => {
  it('as its unit has it', async () => {
    const unit = await readFile(path.join(root, 'infra/systemd/slipway-distributor.service'), 'utf8');
    const line = /^ExecStart=(.*)$/m.exec(unit.replaceAll('\\\n', ''))?.[1] ?? '';
    const [, ...args] = line.trim().split(/\s+/);
    const files = ['-keyout', path.join(folder, 'tls.key'), '-out', path.join(folder, 'tls.crt')];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    await run('openssl', ['req', ...kind, '-subj', '/CN=localhost', ...files]);
    expect(await startAndEnd(args)).toBe(0);
  });
});

describeUnless('unavailable' in service ? service.unavailable : undefined, 'the overlay with replicas', () => {
  it('starts over PostgreSQL by the environment, and keeps nothing on a volume of its own', async () => {
    if ('unavailable' in service) return;
    const overlay = await rendered('overlays/replicas');
    const [container] = overlay.spec.template.spec.containers;
    expect([overlay.spec.replicas, overlay.spec.volumeClaimTemplates]).toEqual([2, undefined]);
    expect(container.envFrom.map(({ secretRef }) => secretRef.name)).toEqual(['slipway-store', 'slipway-database']);
    const { mounted, given } = volumesOf(overlay);
    expect(given).toEqual(mounted);
    const server = await PostgresServer.start(service);
    try {
      const url = await server.guardedDatabase('hunter2-secret');
      const env = { SLIPWAY_DATABASE: url, PGPASSWORD: 'hunter2-secret' };
      const replicas = [startAndEnd(container.args, env), startAndEnd(container.args, env)];
      expect(await Promise.all(replicas)).toEqual([0, 0]);
      expect(await server.query(url, `select kind from event`)).toEqual([{ kind: 'plan-applied' }]);
    } finally {
      await server.remove();
    }
  }, 300_000);
});
