/** Counts how often the event loop of a test's own thread comes round while something goes on, however fast the machine. */
import { setImmediate as turn } from 'node:timers/promises';

/** More than work that is done in this thread, in however many steps, gives away. */
export const manyTurns = 100;

/** Waits for the work to end. @returns turns meanwhile; those beyond many are not counted */
export async function turnsWhile(work: Promise<unknown>): Promise<number> {
  let [turns, isDone] = [0, false];
  const end = () => {
    isDone = true;
  };
  const ended = work.then(end, end);
  while (!isDone && turns <= manyTurns) {
    await turn();
    turns++;
  }
  await ended;
  return turns;
}
