/**
 * Objects to a minor version that drops an API version which clients of this cluster use: the API server counts requests of
 * each and says when it goes (metric `apiserver_requested_deprecated_apis`, staging/src/k8s.io/apiserver of Kubernetes).
 */
import semver from 'semver';
import { distributionVersionOf } from '../../contract/release/distribution.ts';
import type { BoxFacts, RequestedApi, Target } from './facts.ts';
import type { Objection } from './objection.ts';

export const deprecatedApisMetric = 'apiserver_requested_deprecated_apis';

export function objectToRemovedApis(target: Target, { box, requestedApis }: BoxFacts): Objection | undefined {
  const to = distributionVersionOf(target);
  const from = box.version ?? target.running;
  if (to === undefined || requestedApis === undefined) return undefined;
  const removed = requestedApis.filter(({ removedIn }) => {
    const first = `${removedIn}.0`;
    if (semver.valid(first) === null || semver.gt(first, minorOf(to))) return false;
    // What is gone already is not taken away by this step.
    return from === undefined || semver.gt(first, minorOf(from));
  });
  if (removed.length === 0) return undefined;
  const names = removed.map(({ name, removedIn }) => `${name} (until ${removedIn})`);
  return {
    code: 'api-removed',
    message: `clients of this cluster ask for what ${to} is without: ${names.join(', ')}`,
    hint: 'Move those clients to a newer version of the API, then restart the unit: its count begins anew with it.',
  };
}

function minorOf(version: string): string {
  return `${semver.major(version)}.${semver.minor(version)}.0`;
}

/** @param lines of /metrics in the text format of Prometheus */
export function requestedApisIn(lines: readonly string[]): RequestedApi[] {
  return lines.flatMap((line) => {
    const [, labels, value] = /^apiserver_requested_deprecated_apis\{([^}]*)\} (\S+)/.exec(line) ?? [];
    if (labels === undefined || !(Number(value) > 0)) return [];
    const of = Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, text]) => [name, text]));
    const { group, version, resource, removed_release: removedIn } = of;
    if (!removedIn) return [];
    return [{ name: `${group === '' ? '' : `${group}/`}${version} ${resource}`, removedIn }];
  });
}
