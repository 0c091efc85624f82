/** The labels that selectors see: what a device says of itself, and over it what the fleet's rules say. */
import type { DeviceId, Labels } from '../../contract/device-api/check.ts';
import type { LabelRule } from '../declaration/fleet.ts';
import { selects } from '../declaration/selector.ts';

export type Labeller = (id: DeviceId, own: Labels) => Labels;

/** Rules see the labels that rules before them gave. */
export function compileLabels(rules: readonly LabelRule[]): Labeller {
  if (rules.length === 0) return (_id, own) => own;
  const compiled = rules.map(({ when, set }) => ({ names: globs(when.ids), when, set }));
  return (id, own) => {
    let labels = own;
    for (const { names, when, set } of compiled) {
      if (names && !names.test(id)) continue;
      if (selects(when, labels)) labels = { ...labels, ...set };
    }
    return labels;
  };
}

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
