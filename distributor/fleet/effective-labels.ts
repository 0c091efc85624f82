/** Computes the labels that selectors see: what a device says of itself, and over it what the fleet's rules say. */
import type { DeviceId, Labels } from '../../contract/device-api/check.ts';
import type { LabelRule } from '../declaration/fleet.ts';
import { selects } from '../declaration/selector.ts';

export type Labeller = (id: DeviceId, own: Labels) => Labels;

export function compileLabels(rules: readonly LabelRule[]): Labeller {
  if (rules.length === 0) return (_id, own) => own;
  const byRule = compileRules(rules);
  return (id, own) => {
    const given = byRule(id, own);
    return given === noLabels ? own : { ...own, ...given };
  };
}

/** The labels that rules give a device, without its own. Rules see the labels that rules before them gave. */
export function compileRules(rules: readonly LabelRule[]): Labeller {
  if (rules.length === 0) return () => noLabels;
  const compiled = rules.map(({ when, set }) => ({ names: globs(when.ids), when, set }));
  return (id, own) => {
    let [labels, given] = [own, noLabels];
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
