/**
 * Objects to steps that Kubernetes does not support (Version Skew Policy): an API server goes one minor version at a time
 * and not down, and a kubelet is never newer than its API server.
 */
import semver from 'semver';
import { distributionVersionOf } from '../../contract/release/distribution.ts';
import type { Version } from '../../contract/release/version.ts';
import { isAgent } from '../health/look-at-box.ts';
import type { BoxFacts, Target } from './facts.ts';
import type { Objection } from './objection.ts';

export function objectToSkew(target: Target, { box, serverVersion }: BoxFacts): Objection | undefined {
  const to = distributionVersionOf(target);
  const from = box.version ?? target.running;
  if (to === undefined) return undefined;
  if (isAgent(box)) return serverVersion === undefined ? undefined : objectToNewerKubelet(to, serverVersion);
  return from === undefined ? undefined : objectToStep(from, to);
}

function objectToStep(from: Version, to: Version): Objection | undefined {
  const steps = minorsBetween(from, to);
  if (steps === 0 || steps === 1) return undefined;
  if (steps < 0) {
    return {
      code: 'skew-refused',
      message: `${to} is ${-steps} minor versions of Kubernetes below ${from}, which an API server does not go down`,
      hint: 'Go back with slipway-edge rollback, which brings the data of before, or roll out a newer release.',
    };
  }
  const [major, minor] = [semver.major(from), semver.minor(from) + 1];
  return {
    code: 'skew-refused',
    message: `${to} is ${steps} minor versions of Kubernetes above ${from}, and a server goes one at a time`,
    hint: `Roll out a release of Kubernetes ${major}.${minor} first.`,
  };
}

function objectToNewerKubelet(to: Version, server: Version): Objection | undefined {
  if (minorsBetween(server, to) <= 0) return undefined;
  return {
    code: 'skew-refused',
    message: `the kubelet of ${to} would be newer than its API server, which is ${server}`,
    hint: 'Update the servers of the cluster first; this device goes on by itself then.',
  };
}

/** A major version is as far as can be. */
function minorsBetween(from: Version, to: Version): number {
  return (semver.major(to) - semver.major(from)) * 1000 + semver.minor(to) - semver.minor(from);
}
