/**
 * Says what stands against a release on this box before its service is stopped: facts in, objections out. The worst comes
 * first. Of what passes by itself in minutes nothing is said before bytes are moved.
 */
import { objectToClock } from './certificate-times.ts';
import { objectToDropIns } from './containerd-drop-ins.ts';
import type { BoxFacts, Target } from './facts.ts';
import { objectToSkew } from './kubernetes-skew.ts';
import { objectToMemory } from './memory.ts';
import type { Objection } from './objection.ts';
import { objectToOtherUpdaters } from './other-updaters.ts';
import { objectToRemovedApis } from './removed-apis.ts';

/** @param when `early`: before bytes are moved · `late`: before the old service is stopped */
export function objectTo(target: Target, facts: BoxFacts, when: 'early' | 'late'): Objection[] {
  const lasting = [objectToSkew(target, facts), objectToDropIns(target, facts), objectToRemovedApis(target, facts)];
  const passing = [objectToOtherUpdaters(facts), objectToClock(facts), objectToMemory(facts)];
  return [...lasting, ...(when === 'late' ? passing : [])].filter((objection) => objection !== undefined);
}
