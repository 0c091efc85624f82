/** Starts the three built programs as a user would, and reads what they print under `--json`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const dist = join(root, 'dist');

type ProgramName = 'slipway-packager' | 'slipway-distributor' | 'slipway-edge';

/** What a command printed and how it ended; a non-zero exit is data for the caller. */
interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bundles the three programs into `dist/`, as `npm run build` does. */
export async function buildPrograms(): Promise<void> {
  const { exitCode, stderr } = await runScript(join(root, 'infra', 'build.ts'), []);
  if (exitCode !== 0) throw new Error(`the programs could not be built: ${stderr}`);
}

export function runCommand(program: ProgramName, args: readonly string[]): Promise<CommandResult> {
  return runScript(join(dist, `${program}.mjs`), args);
}

async function runScript(script: string, args: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [exitCode] = await once(child, 'close');
  return { exitCode: exitCode ?? 1, stdout, stderr };
}

/** Runs a command that has to succeed and returns its JSON. */
export async function runJson<T>(program: ProgramName, args: readonly string[]): Promise<T> {
  const result = await runCommand(program, [...args, '--json']);
  if (result.exitCode !== 0) {
    throw new Error(`${program} ${args[0]} ended with ${result.exitCode}: ${result.stderr || result.stdout}`);
  }
  return JSON.parse(result.stdout) as T;
}

interface Foretold {
  readonly outcome: string;
  readonly devices: number;
  readonly worstCase: number;
  readonly seconds: number;
}

/** The example plan over a virtual fleet, a third of it out of reach. @param failureRate such as `0.5 %` */
export async function simulateExample(failureRate: string): Promise<Foretold> {
  const found = await runJson<Omit<Foretold, 'seconds'> & { finishedAfterSeconds: number }>('slipway-distributor', [
    ...['simulate', join(root, 'infra', 'rollouts', 'example'), '--devices', '2000', '--seed', '1'],
    ...['--offline', '30%', '--failure-rate', failureRate.replace(' ', '')],
  ]);
  return { ...found, seconds: found.finishedAfterSeconds };
}

/** A program that stays: its standard error is kept for the case that the demo fails. */
export class RunningProgram {
  readonly child: ChildProcess;
  readonly #log: string[] = [];

  constructor(program: ProgramName, args: readonly string[]) {
    this.child = spawn(process.execPath, [join(dist, `${program}.mjs`), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#log.push(text));
    }
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** What it printed so far. */
  get log(): string {
    return this.#log.join('');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.exited) return;
    const closed = once(this.child, 'close');
    this.child.kill(signal);
    await closed;
  }
}
