/** Refuses a release that this box cannot take now, before bytes are moved and again before the service is stopped. */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import type { Box } from '../box/box.ts';
import type { BoxFacts, ProgramFacts, Target } from '../preflight/facts.ts';
import { objectTo } from '../preflight/object-to.ts';
import { type Objection, objectionText } from '../preflight/objection.ts';
import { objectToProgram } from '../preflight/program-checks.ts';
import type { Attempt } from '../update/state.ts';
import { isRepair } from '../update/step.ts';
import type { World } from './world.ts';

/** What a preflight asks of the machine. Never throws but when the signal is aborted. */
export interface Preflight {
  facts(box: Box, now: number, signal: AbortSignal): Promise<BoxFacts>;
  /** @param program path of the new one */
  programs(box: Box, program: string, signal: AbortSignal): Promise<ProgramFacts>;
}

/**
 * @param when `late`: the slot is there, and its program is asked as well
 * @throws SlipwayError with the worst objection's code and the text of all
 */
export async function requireFitBox(
  attempt: Attempt,
  manifest: ReleaseManifest,
  when: 'early' | 'late',
  world: World,
  signal: AbortSignal,
): Promise<void> {
  const { preflight, box: reader, clock } = world;
  // It may have been put over the link since the offer was accepted.
  const notOurs = when === 'late' ? world.whyNotOurs?.() : undefined;
  if (notOurs !== undefined) {
    throw new SlipwayError('unit-not-ours', notOurs, { hint: 'Run slipway-edge adopt, or slipway-edge unadopt.' });
  }
  if (!preflight || isRepair(attempt)) return;
  const reading = await reader?.read();
  // What contradicts itself was refused before the attempt, and is again at the next one.
  if (reading?.kind !== 'box') return;
  const { box } = reading;
  const facts = await preflight.facts(box, clock.now(), signal);
  const found = objectTo(targetOf(manifest, world), facts, when);
  if (when === 'late') {
    const program = programIn(attempt.release.manifestSha256, manifest, world);
    found.push(...(await objectionsOfProgram(box, manifest, program, preflight, signal)));
  }
  const objections = found.filter(({ code }) => !(world.policy.ignoredObjections ?? []).includes(code));
  const [worst] = objections;
  if (worst) throw new SlipwayError(worst.code, objectionText(objections), { hint: worst.hint });
}

function targetOf({ version, distribution }: ReleaseManifest, { slots }: World): Target {
  const { currentLink } = slots;
  const current = currentLink === undefined ? undefined : slots.manifest(currentLink);
  return { version, distribution, running: current?.distribution?.version };
}

/** Path of its K3s or K0s; undefined where the release does not state which component that is. */
function programIn(slot: Digest, { distribution, components }: ReleaseManifest, { slots }: World) {
  const component = components.find(({ name }) => name === distribution?.component);
  return component && slots.fileOf(slot, component);
}

async function objectionsOfProgram(
  box: Box,
  { distribution }: ReleaseManifest,
  program: string | undefined,
  preflight: Preflight,
  signal: AbortSignal,
): Promise<readonly Objection[]> {
  if (!distribution || program === undefined) return [];
  if (distribution.name !== box.distribution) {
    const message = `the release brings ${distribution.name}, and this box runs ${box.distribution}`;
    return [{ code: 'box-refused', message, hint: 'Roll the release out to boxes of its own distribution.' }];
  }
  return objectToProgram(distribution, await preflight.programs(box, program, signal));
}
