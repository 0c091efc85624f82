/**
 * A machine that boots a real systemd: a container of systemd-nspawn on a throw-away overlay, with loopback as its only
 * network. Owns its process; nothing that happens inside outlives it, and no other machine sees it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { missingCommands } from './commands.ts';

/** @returns why no machine can be started here, as far as that shows without trying; undefined when nothing is missing */
export function whyNoMachine(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may start a container with systemd';
  return missingCommands('mmdebstrap', 'systemd-nspawn', 'nsenter', 'setpriv');
}

const bootTimeoutMs = 60_000;
const pollMs = 50;

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

let machines = 0;

export class SystemdMachine {
  readonly #container: ChildProcess;
  #output = '';
  /** Process 1 of the machine, as the host counts. */
  #leader = 0;

  private constructor(root: string, binds: Readonly<Record<string, string>>) {
    machines += 1;
    const options = [
      ...['--quiet', '--directory', root, '--volatile=overlay', '--machine', `slipway-${process.pid}-${machines}`],
      ...['--register=no', '--keep-unit', '--private-network', '--link-journal=no', '--console=pipe', '--boot'],
      ...Object.entries(binds).map(([inside, outside]) => `--bind-ro=${outside}:${inside}`),
    ];
    // The container dies with us however we end, and everything inside with its process 1.
    this.#container = spawn('setpriv', ['--pdeathsig', 'KILL', 'systemd-nspawn', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#container.stdout, this.#container.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#container.on('error', (error) => {
      this.#output += error.message;
    });
  }

  /**
   * Boots and waits until all that belongs to the boot has started.
   * @param binds files and folders of the host, read-only: path inside → path outside, both absolute
   * @throws Error with what the container printed
   */
  static async boot(root: string, binds: Readonly<Record<string, string>>): Promise<SystemdMachine> {
    const machine = new SystemdMachine(root, binds);
    try {
      await machine.#untilBooted();
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** Runs a command as root; a non-zero exit is data for the caller. */
  async run(command: readonly string[], input = ''): Promise<CommandResult> {
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const args = ['--target', `${this.#leader}`, '--all', '--', ...command];
    const child = spawn('nsenter', args, { env: { PATH: path, HOME: '/root', LANG: 'C.UTF-8' } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => undefined).end(input);
    const [exitCode] = await once(child, 'close');
    return { exitCode: exitCode ?? 1, stdout, stderr };
  }

  /** @returns standard output without its last line break @throws Error unless the command ended with 0 */
  async ask(...command: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr || stdout}`);
    return stdout.trimEnd();
  }

  /** Creates the folders above the file too. */
  async write(file: string, content: string, mode = '644'): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"';
    const { exitCode, stderr } = await this.run(['sh', '-c', script, 'sh', file, mode], content);
    if (exitCode !== 0) throw new Error(`${file}: ${stderr}`);
  }

  /** One property of a unit, such as ActiveState. */
  property(unit: string, name: string): Promise<string> {
    return this.ask('systemctl', 'show', '--property', name, '--value', unit);
  }

  /** Pulls the plug: process 1 is killed, and the container clears its overlay away. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const gone = once(this.#container, 'close');
    if (this.#leader === 0) this.#container.kill('SIGKILL');
    else process.kill(this.#leader, 'SIGKILL');
    await gone;
  }

  get #ended(): boolean {
    return (
      this.#container.exitCode !== null || this.#container.signalCode !== null || this.#container.pid === undefined
    );
  }

  async #untilBooted(): Promise<void> {
    let state = '';
    for (const deadline = Date.now() + bootTimeoutMs; Date.now() < deadline; await pause(pollMs)) {
      if (this.#ended) throw new Error(`systemd-nspawn ended: ${this.#output.trim() || 'without a word'}`);
      this.#leader ||= systemdBelow(this.#container.pid ?? 0);
      if (this.#leader === 0) continue;
      state = (await this.run(['systemctl', 'is-system-running'])).stdout.trim();
      if (state === 'running') return;
      if (state === 'degraded') throw new Error(`boot failed: ${await this.ask('systemctl', '--failed', '--plain')}`);
    }
    throw new Error(`not booted after ${bootTimeoutMs} ms, ${state || 'no state'}: ${this.#output.trim()}`);
  }
}

/** @returns the child that has become process 1 of a machine; 0 while there is none */
function systemdBelow(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    const isSystemd = (child: string) => readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'systemd';
    return Number(children.find(isSystemd) ?? 0);
  } catch {
    return 0;
  }
}
