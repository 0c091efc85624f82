/**
 * Makes a Slipway delta: opens both artifacts, matches their parts, has each part encoded, writes the file, and proves
 * it with the code of devices. What cannot be proved is made in a poorer way, and the report says so; nothing that a
 * file holds fails a build.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import type { DeltaNeeds } from '../../contract/release/delta-needs.ts';
import { digestOf } from '../chunks.ts';
import { isDecoded } from '../open-delta.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { cutLongParts } from './cut-parts.ts';
import { encodeParts } from './encode-parts.ts';
import { FileRange, openArtifactFile } from './file-source.ts';
import { type OpenedArtifact, openArtifact } from './open/open-artifact.ts';
import type { Unopened } from './open/opening.ts';
import type { OpenedPart } from './open/parts.ts';
import { longestEncoded } from './part-code.ts';
import type { PartReport } from './part-report.ts';
import { PartStore } from './part-store.ts';
import type { DeltaMakerPorts } from './ports.ts';
import { proveSlipwayDelta } from './prove-slipway.ts';
import { withProvenFrames } from './proven-frames.ts';
import { writeDelta } from './write-delta-file.ts';

export interface MadeSlipwayDelta {
  /** `opened`: diffed inside its containers; `whole`: the file as one part, or as pieces of one that is too long. */
  readonly strategy: Strategy;
  readonly length: number;
  readonly oldLength: number;
  readonly newLength: number;
  readonly headLength: number;
  readonly recipesLength: number;
  readonly parts: readonly PartReport[];
  /** Streams of the target that stay compressed. */
  readonly unopened: readonly Unopened[];
  readonly needs: DeltaNeeds;
  /** What was tried and given up, one sentence each. */
  readonly givenUp: readonly string[];
}

/**
 * Raised with every change after which other deltas come out of the same files: those that stores remember are left.
 */
export const deltaEncoderVersion = 2;

type Strategy = 'opened' | 'whole';

/** A delta of the opened artifacts above this share of the target is compared with one of the whole files. */
const worthOpeningShare = 0.3;

/**
 * Writes a proved delta to `outFile`, the smallest that can be had; leaves no `outFile` on an error.
 * @param oldFile path of the base, `newFile` that of the target: any files, of 0 to `limits.maxComponentBytes` bytes
 * @param ports encoders, a folder with room for both files unpacked, and who hears of progress, counted in bytes of
 *   parts
 * @param target `newFile` opened already, by openTarget; stays open
 * @throws SlipwayError `component-unreadable`, `io-error`, `disk-full`, `delta-not-reproducible`
 */
export async function makeSlipwayDelta(
  oldFile: string,
  newFile: string,
  outFile: string,
  ports: DeltaMakerPorts,
  target?: OpenedArtifact,
): Promise<MadeSlipwayDelta> {
  const scratch = await mkdtemp(path.join(ports.scratch, 'slipway-delta-'));
  try {
    return await smallest(oldFile, newFile, outFile, { ...ports, scratch }, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function smallest(
  oldFile: string,
  newFile: string,
  outFile: string,
  ports: DeltaMakerPorts,
  target: OpenedArtifact | undefined,
): Promise<MadeSlipwayDelta> {
  const givenUp: string[] = [];
  const both = await openBoth(oldFile, newFile, ports, target);
  const opened = await attempt('opened', both, { old: oldFile, new: newFile }, outFile, ports, givenUp);
  const isEnough = opened !== undefined && (opened.isWhole || opened.length < opened.newLength * worthOpeningShare);
  if (opened !== undefined && isEnough) return { ...opened, givenUp };
  const second = path.join(ports.scratch, 'whole');
  const files = wholeFiles(oldFile, newFile);
  const whole = await attempt('whole', files, { old: oldFile, new: newFile }, second, ports, givenUp);
  if (whole !== undefined && whole.length < (opened?.length ?? Number.POSITIVE_INFINITY)) {
    if (opened) givenUp.push(`opened, the delta has ${opened.length} bytes, more than that of the whole files`);
    await copyFile(second, outFile);
    return { ...whole, unopened: opened?.unopened ?? [], givenUp };
  }
  if (opened !== undefined) return { ...opened, givenUp };
  throw new SlipwayError('delta-not-reproducible', `no delta gives ${newFile} back: ${givenUp.join('; ')}`, {
    hint: 'Ship the whole file; please report the pair of files as a defect.',
  });
}

type MethodAttempt = Omit<MadeSlipwayDelta, 'givenUp'> & { readonly isWhole: boolean };

async function attempt(
  strategy: Strategy,
  artifacts: { readonly old: OpenedArtifact; readonly new: OpenedArtifact },
  names: { readonly old: string; readonly new: string },
  outFile: string,
  ports: DeltaMakerPorts,
  givenUp: string[],
): Promise<MethodAttempt | undefined> {
  using openedOld = artifacts.old;
  using openedNew = artifacts.new;
  const isWholeFile = isWhole(openedNew.recipe);
  const opened = { old: openedOld, new: openedNew };
  const { old, new: new_ } = cutLongParts(opened, longestEncoded(ports.encoders.maxMemoryBytes));
  using store = new PartStore(ports.scratch);
  const files = { old: endsOf(names.old), new: endsOf(names.new) };
  const banned = new Map<number, Set<string>>();
  let coded = await encodeParts(old, new_, ports, banned);
  const zstd = withProvenFrames(openedNew.frames, ports.zstd);
  for (;;) {
    const written = await writeDelta(outFile, files, old.recipe, new_.recipe, coded).catch(asReason);
    if (typeof written === 'string') {
      givenUp.push(`${strategy}: ${written}`);
      return undefined;
    }
    const proof = await proveSlipwayDelta(names.old, outFile, { store, zstd });
    if (proof.kind === 'proved') {
      return {
        strategy: isWholeFile ? 'whole' : 'opened',
        ...written,
        oldLength: files.old.length,
        newLength: files.new.length,
        parts: coded.map(({ report }) => report),
        unopened: new_.unopened,
        needs: proof.opened.needs,
        isWhole: isWholeFile && isWhole(openedOld.recipe),
      };
    }
    await rm(outFile, { force: true });
    const failed = proof.part === undefined ? undefined : coded[proof.part];
    // Bytes that no decoder makes cannot be encoded otherwise.
    if (proof.part === undefined || failed === undefined || !isDecoded(failed.part)) {
      givenUp.push(`${strategy}: ${proof.why}`);
      return undefined;
    }
    givenUp.push(`${failed.report.label} by ${failed.report.method}: ${proof.why}`);
    ports.say(`${failed.report.label}: ${failed.report.method} is not reproducible, trying another way`);
    banned.set(proof.part, new Set([...(banned.get(proof.part) ?? []), failed.report.method]));
    const again = await encodeParts(old, new_, ports, banned, new Set([proof.part]));
    coded = coded.map((part, index) => (index === proof.part ? (again[index] ?? part) : part));
  }
}

/** More parts than a directory holds are a reason to take the file as one. */
function asReason(error: unknown): string {
  if (error instanceof SlipwayError && error.code === 'component-too-large') return error.message;
  throw error;
}

/** The target of several deltas, opened once; the caller disposes of it. */
export function openTarget(
  newFile: string,
  { scratch, zstd }: Pick<DeltaMakerPorts, 'scratch' | 'zstd'>,
): Promise<OpenedArtifact> {
  return openArtifact(newFile, { spoolParent: scratch, zstd });
}

async function openBoth(
  oldFile: string,
  newFile: string,
  ports: DeltaMakerPorts,
  target: OpenedArtifact | undefined,
): Promise<{ readonly old: OpenedArtifact; readonly new: OpenedArtifact }> {
  const new_ = target === undefined ? await openTarget(newFile, ports) : borrowed(target);
  try {
    const purpose = new_.unopened.length === 0 ? 'base' : 'target';
    const { scratch, zstd } = ports;
    return { new: new_, old: await openArtifact(oldFile, { spoolParent: scratch, zstd, purpose }) };
  } catch (error) {
    new_[Symbol.dispose]();
    throw error;
  }
}

/** The same for somebody who is not to dispose of it. */
function borrowed(artifact: OpenedArtifact): OpenedArtifact {
  return { ...artifact, [Symbol.dispose]: () => undefined };
}

function wholeFiles(oldFile: string, newFile: string) {
  return { old: wholeFile(oldFile), new: wholeFile(newFile) };
}

/** A file as one part, whatever it holds. */
function wholeFile(file: string): OpenedArtifact {
  const source = openArtifactFile(file);
  const range = new FileRange(source);
  const part: OpenedPart = {
    index: 0,
    label: path.basename(file),
    length: range.length,
    sha256: digestOf(range),
    range,
  };
  const recipe: Recipe = { version: 1, nodes: range.length === 0 ? [] : [{ part: 0, length: range.length }] };
  return {
    parts: range.length === 0 ? [] : [part],
    recipe,
    unopened: [],
    frames: [],
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}

function isWhole(recipe: Recipe): boolean {
  const [only, ...others] = recipe.nodes;
  return others.length === 0 && (only === undefined || 'part' in only);
}

function endsOf(file: string) {
  using source = openArtifactFile(file);
  return { length: source.length, sha256: digestOf(source) };
}
