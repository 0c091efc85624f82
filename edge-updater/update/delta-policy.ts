/** Decides whether this device can afford a delta, and why not, by the needs that release.json states. Pure. */
import type { DeltaPolicy } from '../../contract/device-api/check.ts';
import type { Delta } from '../../contract/release/manifest.ts';

export type DeltaRefusal =
  | { readonly reason: 'reencode-forbidden' }
  | { readonly reason: 'encoder-missing'; readonly expected: string; readonly found: readonly string[] }
  | { readonly reason: 'memory'; readonly neededBytes: number; readonly allowedBytes: number }
  | { readonly reason: 'time'; readonly neededSeconds: number; readonly allowedSeconds: number };

const mebibyte = 1024 * 1024;
/** The process that decodes parts: Node and the decoder's statistics. */
const plainProcessBytes = 96 * mebibyte;

/** Undefined where the delta can be afforded. */
export function refusalOf(delta: Delta, policy: DeltaPolicy): DeltaRefusal | undefined {
  if (delta.format !== 'slipway') return undefined;
  const { zstd } = delta.needs;
  const neededBytes = plainProcessBytes + (zstd?.memoryBytes ?? 0);
  if (zstd !== undefined) {
    if (!policy.allowReencode) return { reason: 'reencode-forbidden' };
    const missing = zstd.versions.find((version) => !policy.zstdVersions.includes(version));
    if (missing !== undefined) return { reason: 'encoder-missing', expected: missing, found: policy.zstdVersions };
    const neededSeconds = Math.ceil(zstd.contentBytes / policy.reencodeBytesPerSecond);
    if (neededSeconds > policy.maxReencodeSeconds) {
      return { reason: 'time', neededSeconds, allowedSeconds: policy.maxReencodeSeconds };
    }
  }
  if (neededBytes > policy.maxMemoryBytes) {
    return { reason: 'memory', neededBytes, allowedBytes: policy.maxMemoryBytes };
  }
  return undefined;
}

/** For people. */
export function describeRefusal(refusal: DeltaRefusal): string {
  switch (refusal.reason) {
    case 'reencode-forbidden':
      return 'configuration forbids to re-encode its payload';
    case 'encoder-missing':
      return `it needs libzstd ${refusal.expected}, here is ${refusal.found.join(' and ') || 'none'}`;
    case 'memory':
      return `it needs ${inMebibytes(refusal.neededBytes)} MiB of memory, allowed are ${inMebibytes(refusal.allowedBytes)}`;
    case 'time':
      return `re-encoding would take about ${refusal.neededSeconds} s, allowed are ${refusal.allowedSeconds}`;
    default:
      throw refusal satisfies never;
  }
}

function inMebibytes(bytes: number): number {
  return Math.ceil(bytes / mebibyte);
}
