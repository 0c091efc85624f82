/** Gathers the facts of a box that objections go by, asking only for what can matter to the release. */
import * as z from 'zod';
import { type Version, versionSchema } from '../../contract/release/version.ts';
import type { Box } from '../box/box.ts';
import { type Access, accessIn, kubeconfigOf } from '../health/kubeconfig.ts';
import { isAgent } from '../health/look-at-box.ts';
import type { BoxFacts, ProgramFacts, RequestedApi } from './facts.ts';
import type { PreflightMachine } from './preflight-machine.ts';
import { deprecatedApisMetric, requestedApisIn } from './removed-apis.ts';

const dropInFolder = '/etc/k0s/containerd.d';
const plan = '/apis/autopilot.k0sproject.io/v1beta2/plans/autopilot';

export async function lookAtFacts(
  machine: PreflightMachine,
  box: Box,
  now: number,
  signal: AbortSignal,
): Promise<BoxFacts> {
  const access = accessOf(machine, box);
  return {
    box,
    now,
    serverVersion: access && isAgent(box) ? await serverVersionOf(machine, access, signal) : undefined,
    certificates: certificateFiles(box)
      .map((file) => machine.certificate(file))
      .filter((times) => times !== undefined),
    dropIns: box.distribution === 'k0s' ? dropInsOf(machine) : [],
    requestedApis: access && !isAgent(box) ? await requestedApisOf(machine, access, signal) : undefined,
    processes: machine.processes(),
    autopilot: access && box.role.startsWith('controller') ? await planStateOf(machine, access, signal) : undefined,
    availableBytes: machine.availableBytes(),
  };
}

/** Runs the new program, and of K0s its checks of this box, each beside the one that is installed. */
export async function askPrograms(
  machine: PreflightMachine,
  { distribution, role, dataDir, program }: Box,
  next: string,
  configFile: string | undefined,
  signal: AbortSignal,
): Promise<ProgramFacts> {
  const version = await machine.run(next, [distribution === 'k3s' ? '--version' : 'version'], signal);
  if (distribution === 'k3s' || version.kind !== 'ended') return { version, checks: [] };
  const roles = [`--controller=${role !== 'worker'}`, `--worker=${role !== 'controller'}`];
  const sysinfo = ['sysinfo', '-o', 'json', `--data-dir=${dataDir}`, ...roles];
  const commands: (readonly ['sysinfo' | 'config validate', readonly string[]])[] = [['sysinfo', sysinfo]];
  if (role !== 'worker' && configFile !== undefined && machine.text(configFile) !== undefined)
    commands.push(['config validate', ['config', 'validate', '--config', configFile]]);
  const checks: ProgramFacts['checks'][number][] = [];
  for (const [command, args] of commands) {
    const run = await machine.run(next, args, signal);
    checks.push({ command, next: run, installed: await machine.run(program, args, signal) });
  }
  return { version, checks };
}

function accessOf(machine: PreflightMachine, box: Box): Access | undefined {
  const file = kubeconfigOf(box);
  const content = machine.text(file);
  if (content === undefined) return undefined;
  try {
    return accessIn(content, file);
  } catch {
    return undefined;
  }
}

/** Leaves that each start uses, and the authority that they are checked by. */
function certificateFiles({ distribution, dataDir, role }: Box): string[] {
  const names = {
    k3s: isAgent({ role })
      ? ['agent/server-ca.crt', 'agent/client-kubelet.crt']
      : ['server/tls/server-ca.crt', 'server/tls/client-admin.crt', 'agent/client-kubelet.crt'],
    k0s: ['pki/ca.crt', 'pki/admin.crt', 'kubelet/pki/kubelet-client-current.pem'],
  };
  return names[distribution].map((name) => `${dataDir}/${name}`);
}

function dropInsOf(machine: PreflightMachine) {
  const files = machine.names(dropInFolder).filter((name) => name.endsWith('.toml'));
  return files.flatMap((name) => {
    const path = `${dropInFolder}/${name}`;
    const text = machine.text(path);
    return text === undefined ? [] : [{ path, text }];
  });
}

/** /version may be read by everybody who is known (ClusterRole system:public-info-viewer). */
async function serverVersionOf(machine: PreflightMachine, access: Access, signal: AbortSignal) {
  const body = await bodyOf(machine, access, '/version', signal);
  const parsed = z.object({ gitVersion: versionSchema }).safeParse(body);
  return parsed.success ? (parsed.data.gitVersion.replace(/^v/, '') as Version) : undefined;
}

async function planStateOf(machine: PreflightMachine, access: Access, signal: AbortSignal) {
  const body = await bodyOf(machine, access, plan, signal);
  const parsed = z.object({ status: z.object({ state: z.string() }) }).safeParse(body);
  return parsed.success ? parsed.data.status.state : undefined;
}

async function requestedApisOf(
  machine: PreflightMachine,
  access: Access,
  signal: AbortSignal,
): Promise<RequestedApi[] | undefined> {
  const lines = await machine.linesOfApi(access, '/metrics', deprecatedApisMetric, signal);
  return lines && requestedApisIn(lines);
}

async function bodyOf(machine: PreflightMachine, access: Access, path: string, signal: AbortSignal): Promise<unknown> {
  const answer = await machine.askApi(access, path, signal);
  if (answer.kind !== 'answer' || answer.status !== 200) return undefined;
  try {
    return JSON.parse(answer.body);
  } catch {
    return undefined;
  }
}
