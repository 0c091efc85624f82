/**
 * Looks at a K3s or K0s step by step, in the order in which it comes up, and ends at the first step that does not pass:
 * API server, kubelet, own Node with its lease, pods. It asks for the next fact by those before, as finding the box does.
 */
import { toSlipwayError } from '../../contract/errors.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Box } from '../box/box.ts';
import { type ApiSide, objectionTo } from './api-answer.ts';
import { type Evidence, evidence, type Step } from './evidence.ts';
import type { Answer, HealthMachine } from './health-machine.ts';
import { type Access, accessIn, balancerFileOf, kubeconfigOf, serversIn } from './kubeconfig.ts';
import { type LeaseWatch, watchLease } from './lease-watch.ts';
import { judgeLease, judgeNode, judgePods, leaseIn } from './node-evidence.ts';

interface BoxQuestion {
  readonly box: Box;
  /** As its kubelet will report it; undefined where the release does not state it. */
  readonly kubeletVersion: Version | undefined;
  readonly kubeletHealthz: string;
  /** Namespaces whose pods on this box have to be ready; none: pods are not looked at. */
  readonly podsIn: readonly string[];
  /** What was seen of the lease since the start. */
  readonly lease: LeaseWatch | undefined;
}

export interface BoxLook {
  readonly steps: readonly Evidence[];
  readonly lease: LeaseWatch | undefined;
}

/** True where the API server is on another box. */
export function isAgent({ role }: Pick<Box, 'role'>): boolean {
  return role === 'agent' || role === 'worker';
}

export async function lookAtBox(machine: HealthMachine, question: BoxQuestion, signal: AbortSignal): Promise<BoxLook> {
  const look = new Look(machine, question, signal);
  await look.run();
  return { steps: look.steps, lease: look.lease };
}

/** The API alone: whether an agent that is starting waits for its server. */
export async function lookAtApi(machine: HealthMachine, question: BoxQuestion, signal: AbortSignal): Promise<Evidence> {
  return new Look(machine, question, signal).api();
}

class Look {
  readonly steps: Evidence[] = [];
  lease: LeaseWatch | undefined;
  readonly #machine: HealthMachine;
  readonly #question: BoxQuestion;
  readonly #signal: AbortSignal;

  constructor(machine: HealthMachine, question: BoxQuestion, signal: AbortSignal) {
    this.#machine = machine;
    this.#question = question;
    this.#signal = signal;
    this.lease = question.lease;
  }

  async run(): Promise<void> {
    const { box, podsIn } = this.#question;
    const hasKubelet = box.nodeName !== undefined || (box.role !== 'server' && box.role !== 'controller');
    const steps = [() => this.api(), ...(hasKubelet ? [() => this.#kubelet(), () => this.#node()] : [])];
    if (hasKubelet && podsIn.length > 0) steps.push(() => this.#pods());
    for (const step of steps) {
      const found = await step();
      this.steps.push(found);
      if (found.outcome !== 'passed') return;
    }
  }

  async api(): Promise<Evidence> {
    return (await this.#get('api', '/readyz', '/readyz')).objection ?? evidence('api', 'passed', '/readyz says ok');
  }

  async #kubelet(): Promise<Evidence> {
    const { kubeletHealthz } = this.#question;
    const answer = await this.#machine.ask(kubeletHealthz, this.#signal);
    if (answer.kind === 'answer' && answer.status === 200) return evidence('kubelet', 'passed', 'healthz says ok');
    const said = answer.kind === 'answer' ? `answers ${answer.status}` : answer.message;
    return evidence('kubelet', 'failed', `${kubeletHealthz}: ${said}`);
  }

  async #node(): Promise<Evidence> {
    const { box, kubeletVersion } = this.#question;
    const { nodeName: name } = box;
    if (name === undefined) return evidence('node', 'failed', 'the kubelet has no certificate with its name yet');
    const node = await this.#get('node', `/api/v1/nodes/${encodeURIComponent(name)}`, `Node ${name}`);
    if (node.objection) return node.objection;
    const verdict = judgeNode(node.body, { name, version: kubeletVersion });
    const stale = await this.#staleLease(name);
    return verdict.outcome === 'passed' ? (stale ?? verdict) : verdict;
  }

  /** The lease is watched from the first look on, whatever the Node says. */
  async #staleLease(name: string): Promise<Evidence | undefined> {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const { objection, body } = await this.#get('node', `${leases}/${encodeURIComponent(name)}`, `lease of ${name}`);
    if (objection) return objection;
    const lease = leaseIn(body);
    if (lease === undefined) return evidence('node', 'failed', `${name} has no lease that can be read`);
    const now = this.#machine.monotonicSeconds();
    this.lease = watchLease(this.lease, lease.renewTime, now);
    return judgeLease(name, this.lease, lease, now);
  }

  async #pods(): Promise<Evidence> {
    const { box, podsIn } = this.#question;
    const selector = encodeURIComponent(`spec.nodeName=${box.nodeName}`);
    const { objection, body } = await this.#get('pods', `/api/v1/pods?fieldSelector=${selector}`, 'the list of pods');
    return objection ?? judgePods(body, podsIn);
  }

  async #get(
    step: Step,
    path: string,
    what: string,
  ): Promise<{ readonly objection?: Evidence; readonly body: string }> {
    const access = this.#access(step);
    if ('outcome' in access) return { objection: access, body: '' };
    const answer = await this.#machine.askApi(access, path, this.#signal);
    const objection = objectionTo(answer, step, what, await this.#side(access.server, answer));
    if (objection) return { objection, body: '' };
    return { body: answer.kind === 'answer' ? answer.body : '' };
  }

  #access(step: Step): Access | Evidence {
    const file = kubeconfigOf(this.#question.box);
    const content = this.#machine.text(file);
    if (content === undefined) return evidence(step, 'failed', `${file} is not there, or may not be read`);
    try {
      return accessIn(content, file);
    } catch (thrown) {
      return evidence(step, 'failed', toSlipwayError(thrown).message);
    }
  }

  /** Servers behind a load balancer are tried by themselves where that one brings no answer. */
  async #side({ host, hostname }: URL, answer: Answer): Promise<ApiSide> {
    const { box } = this.#question;
    const isOwn = !isAgent(box);
    const isBalanced = !isOwn && /^(127\.|localhost$|\[::1\]$)/.test(hostname);
    const side = { server: host, isOwn, isBalanced };
    if (!isBalanced || answer.kind === 'answer' || box.distribution !== 'k3s') return side;
    const servers = serversIn(this.#machine.text(balancerFileOf(box.dataDir)) ?? '');
    return { ...side, isReachable: await this.#machine.isAnyReachable(servers, this.#signal) };
  }
}
