/** The pairs of the bench: real programs of adjacent versions, and artifacts in the shape of real ones, so named. */
import { type Program, program } from '../corpus/programs.ts';
import { type Shape, shaped } from '../corpus/shaped.ts';

export interface Pair {
  readonly name: string;
  readonly old: string;
  readonly new: string;
  /** Where a target is stated: bytes at most, of the delta. */
  readonly targetBytes?: number;
  /** Or as a multiple of a peer's delta: `*` is the smallest of all peers. */
  readonly targetOf?: { readonly peer: string; readonly factor: number };
}

interface Named {
  readonly name: string;
  readonly files: () => Promise<{ readonly old: string; readonly new: string }>;
  readonly target: Pick<Pair, 'targetBytes' | 'targetOf'>;
}

const named: readonly Named[] = [
  programs('helm 3.17.2 → 3.17.3', 'helm-3.17.2', 'helm-3.17.3', { targetBytes: 50_000 }),
  programs('kubectl 1.33.0 → 1.33.9', 'kubectl-1.33.0', 'kubectl-1.33.9', { targetBytes: 330_000 }),
  programs('containerd deb12u2 → u3 (cgo)', 'containerd-u2', 'containerd-u3', { targetBytes: 150_000 }),
  programs('esbuild 0.25.10 → 0.25.11 (arm64)', 'esbuild-arm64-old', 'esbuild-arm64-new', {
    targetOf: { peer: '*', factor: 1 / 3 },
  }),
  programs('lightningcss 1.30.1 → 1.30.2 (Rust)', 'lightningcss-1.30.1', 'lightningcss-1.30.2', {
    targetOf: { peer: 'bsdiff', factor: 1.05 },
  }),
  shape('k3s', 300_000),
  shape('k0s-zip', 320_000),
  shape('k0s-gzip', 320_000),
  shape('airgap', 320_000),
];

function programs(name: string, old: Program, new_: Program, target: Named['target']): Named {
  return { name, target, files: async () => ({ old: await program(old), new: await program(new_) }) };
}

function shape(kind: Shape, targetBytes: number): Named {
  const files = async () => ({ old: await shaped(kind, 'old'), new: await shaped(kind, 'new') });
  return { name: `${kind}-shaped patch release`, target: { targetBytes }, files };
}

/**
 * One after the other, fetched or built as they are asked for.
 * @param only words that a name must contain, one of them
 * @param skip is told of a pair that cannot be had here, and why
 */
export async function* corpusPairs(
  only: readonly string[],
  skip: (name: string, reason: string) => void,
): AsyncGenerator<Pair> {
  for (const { name, files, target } of named) {
    if (only.length > 0 && !only.some((word) => name.includes(word))) continue;
    try {
      yield { name, ...(await files()), ...target };
    } catch (error) {
      skip(name, error instanceof Error ? error.message : String(error));
    }
  }
}
