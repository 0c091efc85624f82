/**
 * An actor in a process of its own that kills itself (SIGKILL) inside one action: at its n-th change of the disk, or when
 * all is done and nothing is answered yet. Started by killed-actor.test.ts: socket, state directory, action, n or `end`.
 */
import { type ActionName, type Actions, actionNames } from '../../edge-updater/actor/actions.ts';
import { ActorServer } from '../../edge-updater/adapters/actor/actor-server.ts';
import { actionsOfTest } from './actor-of-box.ts';
import { FileCalls } from './file-calls.ts';

const [socket = '', stateDir = '', victim = '', at = ''] = process.argv.slice(2);
const real = actionsOfTest(stateDir);

async function mortal(action: ActionName, asked: unknown, signal: AbortSignal): Promise<unknown> {
  const act = real[action] as (asked: unknown, signal: AbortSignal) => Promise<unknown>;
  if (action !== victim) return act(asked, signal);
  let changes = 0;
  new FileCalls(stateDir, ({ isChange, run }) => {
    if (isChange) changes++;
    if (changes === Number(at)) process.kill(process.pid, 'SIGKILL');
    return run();
  });
  await act(asked, signal).catch(() => undefined);
  if (at === 'end') process.kill(process.pid, 'SIGKILL');
  process.stderr.write(`${action} has ${changes} changes\n`);
  throw new Error('it was to be killed');
}

const entries = actionNames.map((name) => [name, (asked: unknown, signal: AbortSignal) => mortal(name, asked, signal)]);
const server = new ActorServer(Object.fromEntries(entries) as unknown as Actions, 3600);
await server.listen({ path: socket });
process.stdout.write('listening\n');
await server.ended(new AbortController().signal);
