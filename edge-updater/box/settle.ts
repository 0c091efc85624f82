/** Decides one property of the box by what different sources say of it: all have to agree, or edge.yaml decides. Pure. */
import { SlipwayError } from '../../contract/errors.ts';

export interface Said<T> {
  /** Undefined where the source does not tell. */
  readonly value: T | undefined;
  /** For people: `--data-dir of k3s.service`. */
  readonly by: string;
}

/**
 * @param property as edge.yaml names it below `box`
 * @returns undefined where nobody tells
 * @throws SlipwayError `box-ambiguous`, `box-contradicted`
 */
export function settle<T extends string>(
  property: string,
  said: readonly Said<T>[],
  stated: T | undefined,
): T | undefined {
  const told = said.filter(({ value }) => value !== undefined);
  const values = new Set(told.map(({ value }) => value));
  if (stated !== undefined && values.size > 0 && !values.has(stated)) {
    throw new SlipwayError('box-contradicted', `box.${property} of edge.yaml is ${stated}, but ${listed(told)}`, {
      hint: `Correct box.${property} in edge.yaml, or leave it out.`,
    });
  }
  if (stated !== undefined) return stated;
  if (values.size > 1) {
    throw new SlipwayError('box-ambiguous', `it is not clear what ${property} of this box is: ${listed(told)}`, {
      hint: `Correct what is out of date, or say which it is with box.${property} in edge.yaml.`,
    });
  }
  return told[0]?.value;
}

function listed(said: readonly Said<string>[]): string {
  return said.map(({ value, by }) => `${by} says ${value}`).join(', ');
}
