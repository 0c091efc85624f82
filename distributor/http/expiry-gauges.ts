/** Shows Prometheus when metadata ends. Product roles beyond a bound are `other`, which ends with the first of them. */
import type { Expiries } from '../catalog/expiries.ts';
import type { Metrics } from './metrics.ts';

const topRoles = ['root', 'targets', 'snapshot', 'timestamp'];
export const maxShownProducts = 50;

export function showExpiries({ metadataExpires }: Pick<Metrics, 'metadataExpires'>, expiries: Expiries): void {
  metadataExpires.reset();
  const products = [...expiries.keys()].filter((role) => !topRoles.includes(role)).sort();
  const named = [...topRoles.filter((role) => expiries.has(role)), ...products.slice(0, maxShownProducts)];
  for (const role of named) metadataExpires.set({ role }, (expiries.get(role) ?? 0) / 1000);
  const others = products.slice(maxShownProducts).map((role) => expiries.get(role) ?? 0);
  if (others.length > 0) metadataExpires.set({ role: 'other' }, Math.min(...others) / 1000);
}
