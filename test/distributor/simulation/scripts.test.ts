/**
 * Scripts that read like logs: a command, `----`, and what is expected to be said. `plan` is followed by the
 * declarations that the commands after it are about. With SLIPWAY_REWRITE_SCRIPTS=1 the expectations are written anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../../distributor/declaration/plan.ts';
import { isWideRun } from '../../sampling.ts';
import { runSimulate } from './simulated.ts';

const folder = path.join(import.meta.dirname, 'scripts');
const isRewriting = process.env.SLIPWAY_REWRITE_SCRIPTS === '1';
const scripts = readdirSync(folder).filter((file) => file.endsWith('.txt'));
/** With thousands of devices: `npm test -- --wide`. */
const isLarge = (file: string) => /-percent-bad\.txt$/.test(file);
const tried = scripts.filter((file) => isWideRun || !isLarge(file));

describe('the simulation scripts', () => {
  it('are there', () => expect(scripts.length).toBeGreaterThan(6));

  it.each(tried)('%s goes as written', { timeout: 300_000 }, async (file) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    const rewritten = await rerun(text);
    if (isRewriting) writeFileSync(path.join(folder, file), rewritten);
    else expect(rewritten).toBe(text);
  });
});

/** The script with what is said now in place of what is expected. */
async function rerun(text: string): Promise<string> {
  let plan = '';
  const out: string[] = [];
  for (const block of blocksOf(text)) {
    if ('comment' in block) {
      out.push(block.comment);
      continue;
    }
    const [verb, ...words] = block.command.split(/\s+/);
    let said: string;
    if (verb === 'plan') {
      plan = block.body;
      const { rollouts, groups } = parsePlan([{ name: 'plan.yaml', text: plan }]);
      said = `${rollouts.map(({ name }) => name).join(', ')}; ${groups.length} groups`;
    } else if (verb === 'simulate') {
      const { lines, text: answer, thrown } = await runSimulate(plan, words);
      if (thrown) throw thrown;
      const log = lines.filter((line) => !line.includes(' decisions in '));
      said = [...log, ...(log.length > 0 ? [''] : []), answer].join('\n');
    } else throw new Error(`unknown command ${verb}`);
    out.push([block.command, ...(block.body === '' ? [] : [block.body]), '----', said, '===='].join('\n'));
  }
  return `${out.join('\n')}\n`;
}

type Block = { readonly comment: string } | { readonly command: string; readonly body: string };

/** A command up to `----`, what is expected up to `====`; other lines are comments. */
function blocksOf(text: string): Block[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const command = lines[i] ?? '';
    if (!/^(plan|simulate)\b/.test(command)) {
      blocks.push({ comment: command });
      continue;
    }
    const middle = lines.indexOf('----', i);
    const end = lines.indexOf('====', middle);
    blocks.push({ command, body: lines.slice(i + 1, middle).join('\n') });
    i = end < 0 ? middle : end;
  }
  return blocks;
}
