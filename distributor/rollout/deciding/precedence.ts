/**
 * Decides who goes first and how many at once: servers before agents in one cluster, few at a time in a cluster and a
 * site.
 */
import { compareVersions, type Version } from '../../../contract/release/version.ts';
import type { Concurrency } from '../../declaration/practice.ts';
import type { Location } from '../../fleet/location.ts';
import type { DecisionFacts } from '../decision.ts';
import type { Peer } from './decide-input.ts';

interface Precedence {
  readonly product: string;
  readonly location: Location;
  readonly peers: readonly Peer[];
  readonly concurrency: Concurrency;
  /** What the servers must run before the agents follow. */
  readonly goal: Version;
  /** A peer that was silent for so long holds nobody up. */
  readonly peerTimeoutSeconds: number;
  readonly now: number;
}

export interface Hold {
  readonly reason: 'servers-first' | 'cluster-busy' | 'site-busy';
  readonly facts: DecisionFacts;
  /** Servers that run something older, where it is for them. */
  readonly servers?: readonly Peer[];
}

/** Undefined when the device may go. A device without a cluster or site label is bound by none of it. */
export function holdOf(input: Precedence): Hold | undefined {
  return clusterHold(input) ?? siteHold(input);
}

function clusterHold(input: Precedence): Hold | undefined {
  const { cluster, role } = input.location;
  if (cluster === undefined) return undefined;
  const { serversPerCluster, agentsPerCluster } = input.concurrency;
  let [alike, busy] = [1, 0];
  const servers: Peer[] = [];
  for (const peer of input.peers) {
    if (peer.cluster !== cluster || peer.product !== input.product) continue;
    if (peer.role === role) {
      alike++;
      if (peer.isUpdating) busy++;
    } else if (peer.role === 'server' && isBehind(peer, input) && !isSilent(peer, input)) {
      servers.push(peer);
    }
  }
  const [first] = servers;
  if (first) {
    const facts = { cluster, serversBehind: servers.length, server: first.id, runs: first.current ?? 'nothing' };
    return { reason: 'servers-first', facts, servers };
  }
  const limit = role === 'server' ? serversPerCluster : agentsAtOnce(agentsPerCluster, alike);
  if (busy < limit) return undefined;
  return { reason: 'cluster-busy', facts: { cluster, role, updating: busy, limit, devices: alike } };
}

function siteHold({ location: { site }, peers, concurrency: { perSite } }: Precedence): Hold | undefined {
  if (site === undefined || perSite === undefined) return undefined;
  let busy = 0;
  for (const peer of peers) if (peer.site === site && peer.isUpdating) busy++;
  return busy < perSite ? undefined : { reason: 'site-busy', facts: { site, updating: busy, limit: perSite } };
}

/** Rounded down, one at least. */
function agentsAtOnce(declared: Concurrency['agentsPerCluster'], agents: number): number {
  return 'count' in declared ? declared.count : Math.max(1, Math.floor((declared.percent * agents) / 100));
}

function isBehind({ current }: Peer, { goal }: Precedence): boolean {
  return current === undefined || (current !== goal && compareVersions(current, goal) < 0);
}

function isSilent({ lastSeenAt }: Peer, { now, peerTimeoutSeconds }: Precedence): boolean {
  return lastSeenAt === undefined || now - lastSeenAt >= peerTimeoutSeconds * 1000;
}
