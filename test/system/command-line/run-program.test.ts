import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { exitStatus } from '../../../contract/exit-status.ts';
import type { Output } from '../../../system/command-line/output.ts';
import { programVersion } from '../../../system/command-line/program-version.ts';
import { runProgram } from '../../../system/command-line/run-program.ts';

/** Runs a program of one verb, `work`, and keeps what it says. */
async function run(words: readonly string[], work: (output: Output) => void = () => {}, told?: number) {
  const said = { stdout: '', stderr: '' };
  const status = await runProgram(
    words,
    {
      name: 'slipway-x',
      description: 'Works.',
      examples: ['work'],
      exitMeanings: { busy: 'somebody else works' },
      addVerbs(program: Command, output: Output) {
        program.command('work').action(() => work(output));
      },
      toldToEnd: () => told,
    },
    {
      stdout: (text) => {
        said.stdout += text;
      },
      stderr: (text) => {
        said.stderr += text;
      },
    },
  );
  return { status, ...said };
}

const fail = () => {
  throw new SlipwayError('key-unreadable', 'no key', { hint: 'Make one.' });
};

describe('a program', () => {
  it('answers in a line: for people, and as JSON', async () => {
    const work = (output: Output) => output.answer({ done: 1 }, 'done');
    expect(await run(['work'], work)).toEqual({ status: 0, stdout: 'done\n', stderr: '' });
    expect(await run(['work', '--json'], work)).toEqual({ status: 0, stdout: '{"done":1}\n', stderr: '' });
  });

  it('says code, sentence and hint of a failure, and under --json answers with them', async () => {
    const stderr = 'error key-unreadable: no key\nhint: Make one.\n';
    expect(await run(['work'], fail)).toEqual({ status: exitStatus.invalidInput, stdout: '', stderr });
    const json = await run(['work', '--json'], fail);
    expect(json).toMatchObject({ status: exitStatus.invalidInput, stderr });
    expect(JSON.parse(json.stdout)).toEqual({
      error: { code: 'key-unreadable', message: 'no key', hint: 'Make one.' },
    });
  });

  it('leaves one value on stdout when it fails after its answer', async () => {
    const work = (output: Output) => {
      output.answer({ done: 1 }, 'done');
      fail();
    };
    expect((await run(['work', '--json'], work)).stdout).toBe('{"done":1}\n');
  });

  it('keeps lines for people apart from the answer', async () => {
    const work = (output: Output) => {
      output.say('working');
      output.answer({}, '');
    };
    expect(await run(['work', '--json'], work)).toEqual({ status: 0, stdout: '{}\n', stderr: 'working\n' });
  });

  it('ends as it was told to, without a word, where work failed for that', async () => {
    expect(await run(['work'], fail, 130)).toEqual({ status: 130, stdout: '', stderr: '' });
  });

  it.each([[['launch']], [['work', '--fast']], [['work', 'hard']], [[]]])('takes %j for a mistake', async (words) => {
    const { status, stderr, stdout } = await run(words);
    expect([status, stdout]).toEqual([exitStatus.usage, '']);
    expect(stderr).toMatch(/^error usage: .+\nhint: See slipway-x --help, or --help after a verb\.\n$/);
  });

  it('has a version, and help with examples and exit statuses', async () => {
    expect(await run(['--version'])).toEqual({ status: 0, stdout: `${programVersion}\n`, stderr: '' });
    expect((await run(['--help'])).stdout).toMatch(
      /\nExamples:\n {2}\$ slipway-x work\n\nExit status:\n {2}0 {2}done\n/,
    );
    expect((await run(['work', '--help'])).stdout).toMatch(
      /--json .*\nExit status:\n {2}0 {2}done\n.* {2}9 {2}somebody else/s,
    );
  });
});
