/** Reads the kubeconfig that K3s and K0s write for themselves: the server, and where the certificates lie. Pure. */
import * as z from 'zod';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { parseDocument } from '../../system/documents/document.ts';
import type { Box } from '../box/box.ts';

/** PEM in a file, or in the kubeconfig itself. */
export type PemPlace = { readonly file: string } | { readonly pem: string };

export interface Access {
  /** Base URL of the API server. */
  readonly server: URL;
  readonly ca: PemPlace;
  readonly cert: PemPlace;
  readonly key: PemPlace;
}

const named = <S extends z.ZodRawShape>(shape: S) => z.array(z.object({ name: z.string(), ...shape }));
const text = z.string().optional();

const kubeconfigSchema = z.object({
  'current-context': z.string().default(''),
  clusters: named({
    cluster: z.object({ server: z.url(), 'certificate-authority': text, 'certificate-authority-data': text }),
  }),
  users: named({
    user: z.object({
      'client-certificate': text,
      'client-certificate-data': text,
      'client-key': text,
      'client-key-data': text,
    }),
  }),
  contexts: named({ context: z.object({ cluster: z.string(), user: z.string() }) }).default([]),
});

/**
 * The one whose certificates last and whose path does not move: that of the administrator where the API server runs here,
 * that of the kubelet elsewhere (K3s, pkg/daemons/control/deps; K0s, pkg/constant and pkg/component/worker).
 */
export function kubeconfigOf({ distribution, role, dataDir }: Pick<Box, 'distribution' | 'role' | 'dataDir'>): string {
  if (distribution === 'k3s')
    return `${dataDir}/${role === 'server' ? 'server/cred/admin' : 'agent/kubelet'}.kubeconfig`;
  return `${dataDir}/${role === 'worker' ? 'kubelet.conf' : 'pki/admin.conf'}`;
}

/** @throws SlipwayError `document-invalid` where no certificate of a client is in it */
export function accessIn(content: string, file: string): Access {
  const config = parseDocument(content, kubeconfigSchema, file);
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
  const cluster = entryOf(config.clusters, context?.cluster)?.cluster;
  const user = entryOf(config.users, context?.user)?.user;
  const ca = placeOf(cluster?.['certificate-authority'], cluster?.['certificate-authority-data']);
  const cert = placeOf(user?.['client-certificate'], user?.['client-certificate-data']);
  const key = placeOf(user?.['client-key'], user?.['client-key-data']);
  if (!cluster || !ca || !cert || !key) {
    throw new SlipwayError('document-invalid', `${file} names no server, CA and client certificate`);
  }
  return { server: new URL(cluster.server), ca, cert, key };
}

/** A kubeconfig of one entry may do without a context. */
function entryOf<T extends { readonly name: string }>(entries: readonly T[], name: string | undefined): T | undefined {
  return entries.find((entry) => entry.name === name) ?? (entries.length === 1 ? entries[0] : undefined);
}

function placeOf(file: string | undefined, data: string | undefined): PemPlace | undefined {
  if (data !== undefined && data !== '') return { pem: decoded(data) };
  return file === undefined || file === '' ? undefined : { file };
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch (cause) {
    throw new SlipwayError('document-invalid', `no base64: ${toSlipwayError(cause).message}`);
  }
}

const balancerSchema = z.object({ ServerAddresses: z.array(z.string()).nullish(), ServerURL: z.string().optional() });

/** Where the load balancer of a K3s agent keeps the servers that it knows (pkg/agent/loadbalancer of K3s). */
export function balancerFileOf(dataDir: string): string {
  return `${dataDir}/agent/etc/k3s-agent-load-balancer.json`;
}

/** `host:port` of each server; none where the file says nothing. */
export function serversIn(content: string): string[] {
  try {
    const { ServerAddresses, ServerURL } = balancerSchema.parse(JSON.parse(content));
    const own = ServerURL === undefined ? [] : [addressOf(new URL(ServerURL))];
    return [...new Set([...(ServerAddresses ?? []), ...own])];
  } catch {
    return [];
  }
}

function addressOf({ hostname, port }: URL): string {
  return `${hostname}:${port === '' ? '443' : port}`;
}
