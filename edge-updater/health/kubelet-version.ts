/** Tells which version the kubelet of a distribution reports as its own. Pure. */
import type { DistributionName } from '../../contract/release/distribution.ts';
import type { Version } from '../../contract/release/version.ts';

/**
 * K3s sets its own version for all of Kubernetes (scripts/version.sh of K3s). K0s builds the kubelet with `+k0s` alone behind the
 * version of Kubernetes (embedded-bins/kubernetes of K0s), so its builds `+k0s.0` and `+k0s.1` report the same.
 */
export function kubeletVersionOf(name: DistributionName, version: Version): Version {
  const bare = version.replace(/^v/, '');
  return `v${name === 'k0s' ? bare.replace(/\+k0s.*$/, '+k0s') : bare}`;
}
