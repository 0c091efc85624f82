/** Has every part of a target encoded: decides from what, and hands the work out. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { RangeSearch } from './find-range.ts';
import { alikeness, type Sketch, sketchOf } from './likeness.ts';
import { matchParts } from './match-parts.ts';
import type { OpenedArtifact } from './open/open-artifact.ts';
import type { OpenedPart } from './open/parts.ts';
import { codeOf } from './part-code.ts';
import { directoryEntry, type ReportedPart, reported } from './part-report.ts';
import type { DeltaMakerPorts, PartCode } from './ports.ts';

/**
 * @param banned methods that a proof refuted, by part
 * @param only numbers of the parts to encode; others are left undefined in the result. All by default.
 */
export async function encodeParts(
  old: OpenedArtifact,
  new_: OpenedArtifact,
  ports: DeltaMakerPorts,
  banned: ReadonlyMap<number, ReadonlySet<string>>,
  only?: ReadonlySet<number>,
): Promise<ReportedPart[]> {
  const matches = matchParts(old.parts, new_.parts, likenessOf(old, new_));
  const folder = await mkdtemp(path.join(ports.scratch, 'slipway-parts-'));
  /** Parts with the same bytes, to be made from the same: encoded once, though the delta holds the bytes of each. */
  const twins = new Map<string, Promise<{ readonly code: PartCode; readonly file: string }>>();
  const search = new RangeSearch(old.parts);
  ports.progress.expect(only ? 0 : new_.parts.reduce((sum, part) => sum + part.length, 0));
  const encode = async (part: OpenedPart, index: number): Promise<ReportedPart> => {
    const match = matches[index];
    if (match === undefined || match.kind === 'copy') {
      const oldPart = match?.oldPart ?? 0;
      return reported(part, { method: 'copy', oldPart }, undefined, 0, old, []);
    }
    const range = match.isNamed ? undefined : search.find(part);
    if (range !== undefined) return reported(part, range, undefined, 0, old, []);
    const candidates = match.candidates.flatMap((number) => old.parts[number] ?? []);
    const methodsOut = banned.get(index) ?? new Set<string>();
    const key = [...[part, ...candidates].map(({ sha256 }) => sha256), ...methodsOut].join(' ');
    const file = path.join(folder, `${index}`);
    const making = twins.get(key) ?? codeOf(part, candidates, file, ports, methodsOut).then((code) => ({ code, file }));
    twins.set(key, making);
    const made = await making;
    const deltaLength = made.code.tablesLength + made.code.dataLength;
    return reported(part, directoryEntry(part, made.code), made.file, deltaLength, old, made.code.tried);
  };
  const encodings = new_.parts
    .map((part, index) => ({ part, index }))
    .filter(({ index }) => only === undefined || only.has(index))
    .toSorted((a, b) => b.part.length - a.part.length)
    .map(async ({ part, index }): Promise<[number, ReportedPart]> => {
      const coded = await encode(part, index);
      if (!only) ports.progress.advance(part.length);
      return [index, coded];
    });
  const coded: ReportedPart[] = [];
  for (const outcome of await Promise.allSettled(encodings)) {
    if (outcome.status === 'rejected') {
      await rm(folder, { recursive: true, force: true });
      throw outcome.reason;
    }
    const [index, part] = outcome.value;
    coded[index] = part;
  }
  return coded;
}

function likenessOf(old: OpenedArtifact, new_: OpenedArtifact) {
  const sketches = new Map<OpenedPart, Sketch>();
  const sketch = (part: OpenedPart | undefined): Sketch => {
    if (part === undefined) return new Set();
    const known = sketches.get(part) ?? sketchOf(part.range);
    sketches.set(part, known);
    return known;
  };
  return (newPart: number, oldPart: number) => alikeness(sketch(new_.parts[newPart]), sketch(old.parts[oldPart]));
}
