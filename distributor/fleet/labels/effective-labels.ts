/**
 * Computes the labels that selectors see: what a device says of itself, over it what its token or the server gave it, and
 * over both what the fleet's rules say. The safeguards that a device tells of count in any case, and nobody gives them.
 */
import type { DeviceId, Labels } from '../../../contract/device-api/check.ts';
import { isSafeguardLabel, safeguardLabelsOf, withSafeguardLabels } from '../../../contract/device-api/safeguards.ts';
import type { LabelRule } from '../../declaration/fleet.ts';
import { selects } from '../../declaration/selector.ts';

/** Of a device: what it says, and what its token or the server gave it; nothing where that is left out. */
export type Labeller = (id: DeviceId, own: Labels, given?: Labels) => Labels;

/** @param fromDevice whether labels that a device chose for itself count at all */
export function compileLabels(rules: readonly LabelRule[], fromDevice = true): Labeller {
  const known = knownLabels(fromDevice);
  if (rules.length === 0) return (_id, own, given) => known(own, given);
  const byRule = compileRules(rules, fromDevice);
  return (id, own, given) => {
    const ruled = byRule(id, own, given);
    const labels = known(own, given);
    return ruled === noLabels ? labels : { ...labels, ...ruled };
  };
}

/** Without those of rules. */
function knownLabels(fromDevice: boolean): (own: Labels, given: Labels | undefined) => Labels {
  return (own, said = noLabels) => {
    const given = Object.keys(said).some(isSafeguardLabel) ? withSafeguardLabels(said, undefined) : said;
    if (!fromDevice) return { ...given, ...safeguardLabelsOf(own) };
    for (const _ in given) return { ...own, ...given };
    return own;
  };
}

/** The labels that rules give a device, without others. Rules see the labels that rules before them gave. */
export function compileRules(rules: readonly LabelRule[], fromDevice = true): Labeller {
  const known = knownLabels(fromDevice);
  if (rules.length === 0) return () => noLabels;
  // A plan or a label of an earlier server may still give what nobody gives any more.
  const compiled = rules.map(({ when, set }) => {
    return { names: globs(when.ids), when, set: withSafeguardLabels(set, undefined) };
  });
  return (id, own, givenBefore) => {
    let [labels, given] = [known(own, givenBefore), noLabels];
    for (const { names, when, set } of compiled) {
      if (names && !names.test(id)) continue;
      if (selects(when, labels))
        [labels, given] = [
          { ...labels, ...set },
          { ...given, ...set },
        ];
    }
    return given;
  };
}

const noLabels: Labels = {};

/** Undefined where every id matches. */
function globs(ids: readonly string[]): RegExp | undefined {
  if (ids.length === 0) return undefined;
  const patterns = ids.map((glob) =>
    glob
      .split(/\*+/)
      .map((text) => text.replaceAll('.', '\\.'))
      .join('.*'),
  );
  return new RegExp(`^(?:${patterns.join('|')})$`);
}
