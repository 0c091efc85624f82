/**
 * Makes the corpus, or some of it, and prints where each file is: node test/corpus/main.ts [PROGRAM | SHAPE-RELEASE]…
 */
import { type Program, program, programs } from './programs.ts';
import { type Release, type Shape, shaped, shapes } from './shaped.ts';

const everything = [...programs, ...shapes.flatMap((shape) => [`${shape}-old`, `${shape}-new`])];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : everything;
for (const name of wanted) {
  const release = /-(old|new)$/.exec(name)?.[1] as Release | undefined;
  const shape = shapes.find((known) => release !== undefined && name === `${known}-${release}`);
  const known = programs.includes(name as Program);
  if (shape === undefined && !known) throw new Error(`${name} is not one of ${everything.join(', ')}`);
  const path = shape === undefined ? await program(name as Program) : await shaped(shape as Shape, release as Release);
  process.stdout.write(`${name}\t${path}\n`);
}
