/** Judges the Node of this box, its lease and its pods, as the API server has them. Pure. */
import * as z from 'zod';
import type { Version } from '../../contract/release/version.ts';
import { type Evidence, evidence } from './evidence.ts';
import { type LeaseWatch, staleness } from './lease-watch.ts';

const conditionsSchema = z.array(z.object({ type: z.string(), status: z.string(), reason: z.string().optional() }));

const nodeSchema = z.object({
  status: z.object({
    conditions: conditionsSchema.default([]),
    nodeInfo: z.object({ kubeletVersion: z.string() }).optional(),
  }),
});

const leaseSchema = z.object({
  spec: z.object({ renewTime: z.string(), leaseDurationSeconds: z.number().optional() }),
});
type Lease = z.infer<typeof leaseSchema>['spec'];

const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({ phase: z.string().optional(), conditions: conditionsSchema.default([]) }),
    }),
  ),
});

interface ExpectedNode {
  readonly name: string;
  /** As its kubelet reports it; undefined where the release does not state it. */
  readonly version: Version | undefined;
}

/** Undefined where it is none. */
export function leaseIn(body: string): Lease | undefined {
  return parsed(leaseSchema, body)?.spec;
}

/** Version before readiness: a Node of the old kubelet may be ready still. */
export function judgeNode(body: string, { name, version }: ExpectedNode): Evidence {
  const node = parsed(nodeSchema, body);
  if (node === undefined) return evidence('node', 'failed', `no Node was answered for ${name}`);
  const { kubeletVersion } = node.status.nodeInfo ?? {};
  if (version !== undefined && kubeletVersion !== version) {
    return evidence('node', 'failed', `${name} reports ${kubeletVersion ?? 'no version'}, expected ${version}`);
  }
  const ready = node.status.conditions.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') {
    return evidence('node', 'failed', `${name} is not Ready${ready?.reason ? ` (${ready.reason})` : ''}`);
  }
  return evidence('node', 'passed', `${name} is Ready at ${kubeletVersion ?? 'an unknown version'}`);
}

export function judgeLease(name: string, watch: LeaseWatch, lease: Lease, now: number): Evidence | undefined {
  const stale = staleness(watch, lease.leaseDurationSeconds, now);
  return stale === undefined ? undefined : evidence('node', 'failed', `${name}: ${stale}`);
}

/** Pods that have ended well or are on their way out are no concern. @param namespaces those that count */
export function judgePods(body: string, namespaces: readonly string[]): Evidence {
  const list = parsed(podsSchema, body);
  if (list === undefined) return evidence('pods', 'failed', 'no list of pods was answered');
  const counted = list.items.filter(
    ({ metadata, status }) =>
      namespaces.includes(metadata.namespace) && !metadata.deletionTimestamp && status.phase !== 'Succeeded',
  );
  const unready = counted.filter(
    ({ status }) => !status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  );
  if (unready.length === 0)
    return evidence('pods', 'passed', `${counted.length} are ready in ${namespaces.join(', ')}`);
  const names = unready.slice(0, 3).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return evidence('pods', 'failed', `${unready.length} of ${counted.length} are not ready: ${names.join(', ')}`);
}

function parsed<S extends z.ZodType>(schema: S, body: string): z.output<S> | undefined {
  try {
    return schema.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}
