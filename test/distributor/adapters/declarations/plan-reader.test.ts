import { describe, expect, it } from 'vitest';
import { planReader } from '../../../../distributor/adapters/declarations/plan-reader.ts';
import { parsePlan } from '../../../../distributor/declaration/plan.ts';
import { manyTurns, turnsWhile } from '../../../fakes/turns.ts';
import { hostileYaml } from '../../../system/documents/hostile-yaml.ts';

function rollout(name: string, more = '') {
  const head = `apiVersion: slipway/v1\nkind: Rollout\nmetadata: {name: ${name}}\n`;
  return `${head}spec: {product: p, release: 1.0.0, waves: [{name: a, percent: 100}]${more}}\n`;
}

const costlyText = (hostileYaml['a flow mapping of different keys'] ?? String)(800_000);

/** What costs most to read: each file takes about half a second. */
function costlyFiles(count: number) {
  return Array.from({ length: count }, (_, i) => ({ name: `${i}.yaml`, text: costlyText }));
}

const inThread = { timeoutMs: 60_000, maxMemoryMegabytes: 1024, maxBytesHere: 0 };

describe('declarations that are read in a thread', () => {
  it('give the same plan and the same problems as here', async () => {
    const files = [{ name: 'a.yaml', text: rollout('r', ', deadline: "2026-12-24T00:00:00Z"') }];
    expect(await planReader(inThread)(files)).toEqual(parsePlan(files));
    expect(await planReader()(files)).toEqual(parsePlan(files));
    const broken = [{ name: 'b.yaml', text: `${rollout('r', ', persent: 1')}---\n${rollout('r')}` }];
    const here = (() => {
      try {
        return parsePlan(broken);
      } catch (error) {
        return error;
      }
    })();
    const { code, problems, message, hint } = here as Error & Record<string, unknown>;
    await expect(planReader(inThread)(broken)).rejects.toMatchObject({ code, problems, message, hint });
  });

  it('are refused after their time, and the next ones are read', async () => {
    const read = planReader({ ...inThread, timeoutMs: 4000 });
    // Half a minute of work: no machine is so fast that it ends in time.
    const [late, next] = [read(costlyFiles(60)), read([{ name: 'a.yaml', text: rollout('r') }])];
    await expect(late).rejects.toMatchObject({
      code: 'document-too-complex',
      message: expect.stringContaining('4 s'),
    });
    expect((await next).rollouts).toMatchObject([{ name: 'r' }]);
  }, 60_000);

  it('are refused when they need more memory than they may, and the process goes on', async () => {
    const read = planReader({ ...inThread, maxMemoryMegabytes: 48 });
    await expect(read(costlyFiles(3))).rejects.toMatchObject({
      code: 'document-too-complex',
      message: expect.stringContaining('48 MB of memory'),
    });
  });

  it('of much text do not keep this thread from answering', async () => {
    const read = planReader()(costlyFiles(3));
    expect(await turnsWhile(read)).toBeGreaterThan(manyTurns);
    await expect(read).rejects.toMatchObject({ code: 'document-invalid' });
  }, 120_000);
});
