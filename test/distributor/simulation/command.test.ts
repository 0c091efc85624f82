import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { rolloutText, runSimulate } from './simulated.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'simulate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plan = rolloutText('  waves: [{name: canary, percent: 10, soak: 3h}, {name: all, percent: 100, soak: 1h}]');

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof SlipwayError ? thrown.code : undefined;
}

describe('simulate', () => {
  it('answers with the outcome, counts that add up, and the instants of each wave', async () => {
    const { json } = await runSimulate(plan, [
      '--devices',
      '200',
      '--offline',
      '20%',
      '--failure-rate',
      '0.01',
      '--seed',
      '3',
    ]);
    expect(json).toMatchObject({
      outcome: 'completed',
      devices: 200,
      seed: 3,
      rollout: 'edge',
      release: '1.33.9+k3s1',
    });
    expect(json.reached).toBe(json.committed + json.failed + json.reverted + json.underWay);
    expect(json.reached + json.unreachable + json.waiting + json.notOffered).toBe(200);
    expect(json.waves).toMatchObject([
      { name: 'canary', devices: 20, openedAt: '2026-01-05T00:00:00.000Z' },
      { name: 'all', devices: 180 },
    ]);
    // Its soak of an hour counts from the commits.
    expect(json.waves[1]?.openedAt).toBe(json.waves[0]?.closedAt);
    expect(json.waves[1]?.openedAfterSeconds).toBeGreaterThan(3 * 3600);
    expect(json.finishedAfterSeconds).toBe((Date.parse(json.finishedAt) - Date.parse(json.startedAt)) / 1000);
    expect(json).not.toHaveProperty('rollouts');
  });

  it('gives the same bytes for the same words', async () => {
    const words = ['--devices', '300', '--offline', '0.3', '--failure-rate', '6%', '--speed', '2,50', '--seed', '9'];
    const [first, second] = [await runSimulate(plan, words), await runSimulate(plan, words)];
    expect(JSON.stringify(second.json)).toBe(JSON.stringify(first.json));
    expect(second.text).toBe(first.text);
  });

  it('says so with a code of its own when it comes out otherwise than expected, after the answer', async () => {
    const bad = await runSimulate(plan, ['--devices', '200', '--failure-rate', '50%', '--expect', 'completed']);
    expect(bad.json.outcome).toBe('aborted');
    expect(codeOf(bad.thrown)).toBe('outcome-unexpected');
    expect(bad.thrown).toMatchObject({ exitStatus: 8 });
    const good = await runSimulate(plan, ['--devices', '200', '--failure-rate', '50%', '--expect', 'aborted']);
    expect(good.thrown).toBeUndefined();
  });

  it('prints how the outcomes of many runs are distributed, and expects them of every run', async () => {
    const words = ['--devices', '100', '--runs', '4', '--failure-rate', '0,50%'];
    const { text, json, thrown } = await runSimulate(plan, words);
    expect(thrown).toBeUndefined();
    expect(json).toMatchObject({
      runs: 4,
      rates: [
        { failureRate: 0, outcomes: { completed: 4 } },
        { failureRate: 0.5, outcomes: { aborted: 4 } },
      ],
    });
    expect(text).toMatch(/^edge: 4 runs over 100 devices for each failure rate, seeds 1 to 4\.$/m);
    expect(text).toMatch(/^0 % +100 % +0 % +0 % /m);
    expect(text).toMatch(/^50 % +0 % +100 % +0 % /m);
    expect(codeOf((await runSimulate(plan, [...words, '--expect', 'completed'])).thrown)).toBe('outcome-unexpected');
    expect(codeOf((await runSimulate(plan, ['--failure-rate', '0,50%'])).thrown)).toBe('usage');
    expect(codeOf((await runSimulate(plan, [...words, '--log'])).thrown)).toBe('usage');
  });

  it('ends with 8 where completed is expected and a group has nobody in it', async () => {
    const typo =
      'apiVersion: slipway/v1\nkind: Group\nmetadata: {name: lab}\nspec: {selector: {matchLabels: {site: labb-typo}}}';
    const devices = Array.from({ length: 6 }, (_, i) => ({
      ...{
        id: `gate-${i}`,
        product: 'k3s-edge',
        platform: 'linux/arm64',
        labels: { site: 'labb' },
        status: 'accepted',
      },
      current: { version: '1.33.8+k3s1', counter: 1, manifestSha256: '1'.repeat(64) },
    }));
    const file = path.join(folder, 'fleet.json');
    writeFileSync(file, JSON.stringify({ devices }));
    const nobody = `${plan}\n  group: lab\n---\n${typo}`;
    const { json, thrown } = await runSimulate(nobody, ['--fleet', file, '--expect', 'completed']);
    expect(json).toMatchObject({ outcome: 'stalled', reason: expect.stringContaining('in group lab') });
    expect(thrown).toMatchObject({ code: 'outcome-unexpected', exitStatus: 8 });
    const allowed = await runSimulate(`${plan}\n  group: lab\n  allowEmpty: true\n---\n${typo}`, ['--fleet', file]);
    expect(allowed.json.outcome).toBe('completed');
  });

  it('tells of every rollout, and of one in front', async () => {
    const two = `${plan}\n---\n${plan.replace('name: edge', 'name: other').replace('k3s-edge', 'k0s-edge')}\n  after: [edge]`;
    const { json } = await runSimulate(two, ['--devices', '100']);
    expect(json.rollouts?.map(({ rollout, devices }) => [rollout, devices])).toEqual([
      ['edge', 50],
      ['other', 50],
    ]);
    expect(json.rollout).toBe('other');
    expect((await runSimulate(two, ['--devices', '100', '--rollout', 'edge'])).json.rollout).toBe('edge');
    expect(codeOf((await runSimulate(two, ['--rollout', 'none'])).thrown)).toBe('rollout-unknown');
  });

  it('draws a timeline', async () => {
    const file = path.join(folder, 'timeline.svg');
    await runSimulate(plan, ['--devices', '200', '--svg', file]);
    const svg = readFileSync(file, 'utf8');
    expect(svg).toMatch(/^<svg .*viewBox/);
    expect(svg).toContain('canary +20');
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).not.toContain('NaN');
    const nowhere = await runSimulate(plan, ['--devices', '10', '--svg', path.join(folder, 'none', 'a.svg')]);
    expect(codeOf(nowhere.thrown)).toBe('io-error');
  });

  it('takes the devices of a fleet as device ls lists them', async () => {
    const device = (id: string, more: object = {}) => ({
      ...{ id, product: 'k3s-edge', platform: 'linux/amd64', labels: { role: 'x' }, status: 'accepted' },
      ...{ enrolledAt: '2026-01-01T00:00:00Z', counterFloor: 3, acknowledgedThrough: 0 },
      ...more,
    });
    const current = (version: string) => ({ current: { version, counter: 7, manifestSha256: 'a'.repeat(64) } });
    const file = path.join(folder, 'fleet.json');
    const devices = [
      device('a', current('1.33.4+k3s1')),
      device('b', current('1.33.9+k3s1')),
      device('c', current('1.34.0+k3s1')),
      device('d'),
      device('e', { status: 'revoked' }),
      device('f', { product: 'other' }),
    ];
    writeFileSync(file, JSON.stringify({ devices }));
    const everybody = rolloutText('  waves: [{name: all, percent: 100}]');
    const { json } = await runSimulate(everybody, ['--fleet', file]);
    expect(json).toMatchObject({ devices: 4, committed: 3, notOffered: 1 });

    writeFileSync(file, '{"devices": [{"id": "a"}]}');
    expect(codeOf((await runSimulate(plan, ['--fleet', file])).thrown)).toBe('document-invalid');
    writeFileSync(file, 'devices:');
    expect(codeOf((await runSimulate(plan, ['--fleet', file])).thrown)).toBe('document-unreadable');
    writeFileSync(file, JSON.stringify({ devices: [device('f', { product: 'other' })] }));
    expect((await runSimulate(plan, ['--fleet', file])).json).toMatchObject({ devices: 0 });
  });

  it.each([
    ['--devices', '0'],
    ['--devices', '1e9'],
    ['--seed', '-1'],
    ['--seed', '9007199254740992'],
    ['--failure-rate', '1.5'],
    ['--offline', 'many'],
    ['--speed', '0'],
    ['--size', '0'],
    ['--poll', '1s'],
    ['--update-time', 'long'],
    ['--start', '2026-13-01T00:00:00Z'],
    ['--for', '2y'],
    ['--act', 'pause'],
    ['--act', '1h:stop'],
    ['--expect', 'done'],
    ['--log', 'all'],
  ])('refuses %s %s before it begins', async (flag, value) => {
    const { thrown, json } = await runSimulate(plan, [`${flag}=${value}`]);
    expect(thrown).toMatchObject({ code: 'commander.invalidArgument' });
    expect(json).toBeUndefined();
  });

  it('refuses declarations that are wrong, and those without a rollout', async () => {
    expect(codeOf((await runSimulate(plan.replace('percent: 100', 'percent: 1'), [])).thrown)).toBe('document-invalid');
    const group = 'apiVersion: slipway/v1\nkind: Group\nmetadata: {name: lab}\nspec: {selector: {}}';
    expect(codeOf((await runSimulate(group, [])).thrown)).toBe('document-invalid');
  });
});
