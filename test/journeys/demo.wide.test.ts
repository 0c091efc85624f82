import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ScenarioResult } from '../../infra/demo/scenario.ts';

const root = path.join(import.meta.dirname, '..', '..');

let exitCode: number | null;
let stdout = '';
let stderr = '';

beforeAll(async () => {
  const demo = spawn('npm', ['run', '--silent', 'demo', '--', '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  demo.stdout.on('data', (text) => {
    stdout += text;
  });
  demo.stderr.on('data', (text) => {
    stderr += text;
  });
  [exitCode] = await once(demo, 'close');
}, 300_000);

describe('npm run demo', () => {
  it('ends with 0 because it observed every promise', () => {
    expect(stderr).not.toContain('NOT OBSERVED');
    expect(exitCode).toBe(0);
  });

  it('resumes, commits and moves less than the whole for release 2', () => {
    const { releases } = JSON.parse(stdout) as ScenarioResult;
    const second = releases.find(({ number }) => number === 2);
    expect(second).toMatchObject({ outcome: 'committed', rollout: 'completed' });
    expect(second?.resumedFrom).toBeGreaterThan(0);
    expect(second?.bytesOnWire).toBeLessThan(second?.fullBytes ?? 0);
  });

  it('rolls release 3 back and aborts its rollout', () => {
    const { releases } = JSON.parse(stdout) as ScenarioResult;
    expect(releases.find(({ number }) => number === 3)).toMatchObject({
      outcome: 'rolled-back',
      rollout: 'aborted',
      code: 'health-timeout',
    });
  });

  it('prints what the README shows, apart from figures', () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    const transcript = /```transcript\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(transcript).not.toBe('');
    expect(withoutFigures(stderr)).toContain(withoutFigures(transcript));
  });
});

function withoutFigures(text: string): string {
  return (
    text
      .replaceAll(/commit [0-9a-f]{7}/g, 'commit C')
      .replaceAll(/[\d][\d.,]*/g, 'N')
      .replaceAll(/ +/g, ' ')
      // Seconds have a column, which a slow machine fills.
      .replaceAll(/^ (?=N)/gm, '')
      .trim()
  );
}
