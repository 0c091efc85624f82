/**
 * Checks the Node that our programs need. It uses nothing that an older one lacks: it is asked before anything else is
 * loaded.
 */

/** As in infra/bootstrap.mjs, and as `engines` of package.json says. */
export const lowestNode = [24, 15] as const;

/**
 * @param found such as `20.19.2` @returns one sentence for the person who started the program; undefined where it can
 * run
 */
export function whyNodeIsTooOld(program: string, found: string): string | undefined {
  const [major = 0, minor = 0] = found.split('.').map(Number);
  const [lowestMajor, lowestMinor] = lowestNode;
  if (major > lowestMajor || (major === lowestMajor && minor >= lowestMinor)) return undefined;
  return `${program} needs Node ${lowestNode.join('.')} or newer; this is Node ${found}.`;
}
