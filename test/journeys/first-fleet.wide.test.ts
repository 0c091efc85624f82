/** docs/first-fleet.md, every command as a reader would give it, and what the page says that they print. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';

const root = path.join(import.meta.dirname, '..', '..');
const page = readFileSync(path.join(root, 'docs', 'first-fleet.md'), 'utf8');
const script = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? '').join('\n');
/** Blocks without a language are what is printed, but for the first: that one needs a network. */
const printed = [...page.matchAll(/```\n([^`]+?)```\n/g)]
  .map(([, block]) => block ?? '')
  .filter((block) => !/^git clone/.test(block));

describeUnless(missingCommands('openssl', 'curl'), 'the page that leads to five devices', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-first-fleet-'));

  afterAll(() => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /(^|\/)(server\.)?pid$/.test(name))) {
      try {
        process.kill(Number(readFileSync(path.join(folder, file), 'utf8')));
      } catch {
        // The page ended it.
      }
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('says what its commands do and print', { timeout: 600_000 }, async () => {
    const programs = [path.join(root, 'dist', 'bin'), path.join(root, 'node_modules', '.bin'), process.env.PATH].join(
      ':',
    );
    const child = spawn('bash', ['-euc', script], { cwd: folder, env: { ...process.env, PATH: programs } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const [status] = await once(child, 'exit');
    expect([status, output]).toEqual([0, expect.stringContaining('completed: ')]);
    expect(printed.length).toBeGreaterThan(2);
    for (const line of printed.flatMap((block) => block.trim().split('\n'))) expect(output).toContain(line);
    expect(existsSync(path.join(folder, 'device-5', 'state', 'current'))).toBe(true);
    for (const id of [1, 2, 3, 4, 5]) expect(output).toMatch(new RegExp(`^shop-${id} +shop-1-0/`, 'm'));
    // The canary soaked before anybody else was asked.
    expect(output).toMatch(/wave-opened[^\n]+1 of 1 reached devices of wave canary committed/);
  });
});
