/** Tells the targets that a role of a product may name from those that it may not: a device finds no others. */
import type { TargetFile, Targets } from '@tufjs/models';

/** A role that names releases of one product. */
export interface ProductPart {
  readonly role: string;
  readonly signed: Targets;
  /** Those that the role may name: a device finds no others. */
  readonly targets: readonly TargetFile[];
  /** Paths of the others: of another product, or of another bin. */
  readonly strays: readonly string[];
}

/** @param mayName whether the delegations that lead to the role cover a path */
export function partOf(role: string, signed: Targets, mayName: (path: string) => boolean): ProductPart {
  const targets = Object.values(signed.targets).filter(({ path }) => mayName(path));
  const named = new Set(targets.map(({ path }) => path));
  return { role, signed, targets, strays: Object.keys(signed.targets).filter((path) => !named.has(path)) };
}
