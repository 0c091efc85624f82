/**
 * Objects to drop-ins of containerd that the new K0s refuses: from 1.36.1 on it does not start with one whose `version` is not
 * 3, or that configures the CRI plugin of containerd 1 (internal/pkg/sysinfo/probes/containerd.go of K0s).
 */
import { parse } from 'smol-toml';
import { compareVersions } from '../../contract/release/version.ts';
import type { BoxFacts, Target } from './facts.ts';
import type { Objection } from './objection.ts';

const firstRefusing = '1.36.1+k0s.0';
const oldPlugin = 'io.containerd.grpc.v1.cri';

export function objectToDropIns({ distribution }: Target, { box, dropIns }: BoxFacts): Objection | undefined {
  // A controller without a kubelet has no containerd.
  if (distribution?.name !== 'k0s' || box.role === 'controller') return undefined;
  if (compareVersions(distribution.version, firstRefusing) < 0) return undefined;
  const refused = dropIns.flatMap(({ path, text }) => {
    const why = whyRefused(text);
    return why === undefined ? [] : [`${path} ${why}`];
  });
  if (refused.length === 0) return undefined;
  return {
    code: 'drop-in-refused',
    message: `K0s ${distribution.version} does not start with ${refused.join(', ')}`,
    hint: 'Rewrite the file for containerd 2 (version = 3, plugins io.containerd.cri.v1.*), or move it away.',
  };
}

function whyRefused(text: string): string | undefined {
  let content: Record<string, unknown>;
  try {
    content = parse(text);
  } catch {
    return 'is no TOML';
  }
  const { version, plugins } = content;
  if (version !== 3) return version === undefined ? 'has no version' : `has version ${String(version)}`;
  const names = typeof plugins === 'object' && plugins !== null ? Object.keys(plugins) : [];
  return names.some((name) => name.startsWith(oldPlugin)) ? `configures ${oldPlugin}` : undefined;
}
