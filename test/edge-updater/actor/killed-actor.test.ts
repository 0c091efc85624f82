/**
 * The actor killed by SIGKILL while it copies data and while it puts it back, at changes of the disk and before its answer:
 * the updater asks again, and the box ends as if nothing had been. A lost answer never counts against a release.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ActorClient } from '../../../edge-updater/adapters/actor/actor-client.ts';
import { ActorOfBox, actionsOfTest } from '../../fakes/actor-of-box.ts';
import { update } from '../../fakes/box-start.ts';
import { never } from '../../fakes/edge-device.ts';
import { isLongRun } from '../../sampling.ts';
import { allScenarios, expectWholeBox, prepareBox } from '../updated-box.ts';

const program = path.join(import.meta.dirname, '../../fakes/mortal-actor.ts');
const sickRelease = allScenarios[1];

/** Changes of the disk at which it dies; all of them would take minutes. */
const deaths = isLongRun
  ? ['take-snapshot', 'put-back'].flatMap((action) => [1, 5, 10, 15, 20, 25, 'end'].map((at) => [action, at] as const))
  : ([
      ['take-snapshot', 12],
      ['put-back', 12],
      ['put-back', 'end'],
    ] as const);

describe('an actor that is killed', () => {
  it.each(deaths)('in %s at %s is asked again, and the box is whole', async (action, at) => {
    const { edge, box, old } = await prepareBox(sickRelease);
    using _ = edge;
    box.recount();
    await using actor = new ActorOfBox(edge.folder, actionsOfTest(edge.stateDirectory));
    const words = [program, actor.socketFile, edge.stateDirectory, action, String(at)];
    const mortal = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(mortal, 'exit');
    await once(mortal.stdout, 'data');

    const device = edge.start({ service: box, data: actor.data(edge.stateDirectory) });
    await update(device);

    expect((await ended)[1]).toBe('SIGKILL');
    expect(actor.restarts).toBe(1);
    await expectWholeBox(edge, box, device, { old, allowed: [old] }, `${action} at ${at}`);
    // It went back because it was sick, and for no other reason.
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'rolled-back', code: 'health-timeout' });
    expect(device.state.lastAttempt?.message).toContain('the data is that of');
  });

  it('for good holds the release and does not reject it', async () => {
    const { edge, box, old, next } = await prepareBox(sickRelease);
    using _ = edge;
    const nobody = new ActorClient(path.join(edge.folder, 'nobody.sock'), async () => undefined, { pausesMs: [1, 1] });
    const data = Object.assign(box.data, { measure: () => nobody.ask('measure', undefined) });
    const device = edge.start({ service: box, data });
    await device.check(never, 3);
    expect(box.running).toBe(old);
    expect(device.state).toMatchObject({ rejected: [], held: [{ manifestSha256: next, code: 'actor-unavailable' }] });
  });
});
