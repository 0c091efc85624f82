/** Finds for every new function the old one it is predicted from: by name, in the order in which names repeat. */

/** @returns for each new function the index of the old one, or -1; no old one twice */
export function matchFunctions(oldNames: readonly string[], newNames: readonly string[]): Int32Array {
  const places = new Map<string, number[]>();
  for (let i = oldNames.length - 1; i >= 0; i--) {
    const name = oldNames[i] as string;
    const list = places.get(name);
    if (list === undefined) places.set(name, [i]);
    else list.push(i);
  }
  return Int32Array.from(newNames, (name) => places.get(name)?.pop() ?? -1);
}
