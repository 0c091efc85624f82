/**
 * Computes the labels that selectors see: what a device says of itself, over it what its token or the server gave it, and
 * over both what the fleet's rules say. The safeguards that a device tells of count in any case, and nobody gives them.
 */
import type { DeviceId, Labels } from '../../../contract/device-api/check.ts';
import {
  isSafeguardLabel,
  safeguardLabelsOf,
  withoutSafeguardLabels,
} from '../../../contract/device-api/safeguards.ts';
import type { LabelRule } from '../../declaration/fleet.ts';
import { selects } from '../../declaration/selector.ts';

/** Of a device: what it says, and what its token or the server gave it; nothing where that is left out. */
export type Labeller = (id: DeviceId, own: Labels, given?: Labels) => Labels;

interface LabelsOfDevice {
  readonly effective: Labels;
  /** Those that rules give, without others. */
  readonly ruled: Labels;
}

/** @param fromDevice whether labels that a device chose for itself count at all */
export function compileLabels(rules: readonly LabelRule[], fromDevice = true): Labeller {
  const labelling = compileLabelling(rules, fromDevice);
  return (id, own, given) => labelling(id, own, given).effective;
}

/** As compileLabels, with what rules alone give. Rules see the labels that rules before them gave. */
export function compileLabelling(
  rules: readonly LabelRule[],
  fromDevice = true,
): (...device: Parameters<Labeller>) => LabelsOfDevice {
  const known = knownLabels(fromDevice);
  // A plan or a label of an earlier server may still give what nobody gives any more.
  const compiled = rules.map(({ when, set }) => {
    return { names: globs(when.ids), when, set: withoutSafeguardLabels(set) };
  });
  return (id, own, given) => {
    let [effective, ruled] = [known(own, given), noLabels];
    for (const { names, when, set } of compiled) {
      if ((names && !names.test(id)) || !selects(when, effective)) continue;
      effective = { ...effective, ...set };
      ruled = { ...ruled, ...set };
    }
    return { effective, ruled };
  };
}

/** Without those of rules. */
function knownLabels(fromDevice: boolean): (own: Labels, given: Labels | undefined) => Labels {
  return (own, said = noLabels) => {
    const given = Object.keys(said).some(isSafeguardLabel) ? withoutSafeguardLabels(said) : said;
    if (!fromDevice) return { ...given, ...safeguardLabelsOf(own) };
    for (const _ in given) return { ...own, ...given };
    return own;
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
