/** Cycles of imports: files that cannot be read one after the other, since each needs another first. */
import type { SourceFile } from './source-file.ts';

export type Imports = 'at run time' | 'also of types';

/** Each a set of files of which every one reaches every other, in the order of their names. */
export function cyclesOf(files: ReadonlyMap<string, SourceFile>, which: Imports): string[][] {
  const targetsOf = (path: string) =>
    (files.get(path)?.imports ?? [])
      .filter(({ target, typeOnly }) => files.has(target) && (which === 'also of types' || !typeOnly))
      .map(({ target }) => target);
  return stronglyConnected([...files.keys()], targetsOf).filter(
    (component) => component.length > 1 || component.some((path) => targetsOf(path).includes(path)),
  );
}

/** A room is a folder of a program, or a top folder that is none; files beside the folders of a program are one, too. */
export function roomOf(path: string, programs: readonly string[]): string {
  const [top = '', room] = path.split('/').slice(0, -1);
  return room !== undefined && programs.includes(top) ? `${top}/${room}` : top;
}

/** Those of which no single room is the owner. */
export function acrossRooms(cycles: readonly string[][], programs: readonly string[]): string[][] {
  return cycles.filter((cycle) => new Set(cycle.map((path) => roomOf(path, programs))).size > 1);
}

/** Tarjan's algorithm, without recursion: a chain of imports may be long. */
function stronglyConnected(nodes: readonly string[], targetsOf: (node: string) => readonly string[]): string[][] {
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const found: string[][] = [];
  const enter = (node: string) => {
    numbers.set(node, numbers.size);
    lowest.set(node, numbers.size - 1);
    open.push(node);
    isOpen.add(node);
    return { node, targets: [...targetsOf(node)] };
  };
  const lower = (node: string, number = Number.POSITIVE_INFINITY) =>
    lowest.set(node, Math.min(lowest.get(node) ?? number, number));
  for (const start of nodes) {
    if (numbers.has(start)) continue;
    const path = [enter(start)];
    for (let at = path.at(-1); at; at = path.at(-1)) {
      const target = at.targets.pop();
      if (target !== undefined) {
        if (!numbers.has(target)) path.push(enter(target));
        else if (isOpen.has(target)) lower(at.node, numbers.get(target));
        continue;
      }
      path.pop();
      const before = path.at(-1);
      if (before) lower(before.node, lowest.get(at.node));
      if (lowest.get(at.node) !== numbers.get(at.node)) continue;
      const component = open.splice(open.indexOf(at.node));
      for (const node of component) isOpen.delete(node);
      found.push(component.sort());
    }
  }
  return found;
}
