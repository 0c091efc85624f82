/** Describes one part as the delta's directory names it, with where its bytes are, and as people are told of it. */
import type { DeltaPart, PartMethod } from '../directory.ts';
import type { OpenedArtifact } from './open/open-artifact.ts';
import type { OpenedPart } from './open/parts.ts';
import type { PartCode, TriedMethod } from './ports.ts';
import type { CodedPart } from './write-delta-file.ts';

export interface PartReport {
  readonly label: string;
  readonly length: number;
  readonly method: PartMethod;
  /** Bytes in the delta. */
  readonly deltaLength: number;
  /** Label of the old part that it is made from. */
  readonly from: string | undefined;
  readonly tried: readonly TriedMethod[];
}

export type ReportedPart = CodedPart & { readonly report: PartReport };

export function directoryEntry(part: OpenedPart, code: PartCode): DeltaPart {
  const { length, sha256 } = part;
  const { method, tablesLength, dataLength } = code;
  const oldPart = code.oldPart ?? 0;
  switch (method) {
    case 'go':
      return { method, oldPart, tablesLength, dataLength, length, sha256 };
    case 'approximate':
    case 'vcdiff':
    case 'zstdPatch':
      return { method, oldPart, dataLength, length, sha256 };
    case 'zstd':
    case 'stored':
      return { method, dataLength, length, sha256 };
    default:
      throw method satisfies never;
  }
}

export function reported(
  part: OpenedPart,
  entry: DeltaPart,
  file: string | undefined,
  deltaLength: number,
  old: OpenedArtifact,
  tried: readonly TriedMethod[],
): ReportedPart {
  const from = 'oldPart' in entry ? old.parts[entry.oldPart]?.label : undefined;
  const report = { label: part.label, length: part.length, method: entry.method, deltaLength, from, tried };
  return { part: entry, file, report };
}
