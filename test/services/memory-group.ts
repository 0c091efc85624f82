/** A control group that holds its processes, their page cache included, to an amount of memory; version 1 or 2. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CommandResult } from './systemd-machine.ts';

let groups = 0;

export class MemoryGroup implements Disposable {
  readonly #folder: string;
  readonly #limitFile: string;

  /** @returns undefined where this user, or this machine, cannot make one. @param maxBytes a multiple of the page size */
  static make(maxBytes: number): MemoryGroup | undefined {
    const version1 = existsSync('/sys/fs/cgroup/memory');
    const parent = version1 ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup';
    groups++;
    const folder = path.join(parent, `slipway-test-${process.pid}-${groups}`);
    const group = new MemoryGroup(folder, path.join(folder, version1 ? 'memory.limit_in_bytes' : 'memory.max'));
    try {
      mkdirSync(folder);
      writeFileSync(group.#limitFile, String(maxBytes));
    } catch {
      if (existsSync(folder)) rmdirSync(folder);
      return undefined;
    }
    // What is swapped out does not fit either; where there is no such file there is no swap to count.
    const swap = path.join(folder, version1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max');
    if (existsSync(swap)) writeFileSync(swap, version1 ? String(maxBytes) : '0');
    return group;
  }

  private constructor(folder: string, limitFile: string) {
    this.#folder = folder;
    this.#limitFile = limitFile;
  }

  /** As the kernel has it. */
  get maxBytes(): number {
    return Number(readFileSync(this.#limitFile, 'utf8'));
  }

  /** Runs a command in the group; the kernel kills it where it needs more. */
  async run(command: readonly string[]): Promise<CommandResult> {
    const script = `echo $$ > ${this.#folder}/cgroup.procs && exec "$@"`;
    const child = spawn('sh', ['-c', script, 'sh', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [exitCode]] = await Promise.all([
      child.stdout.setEncoding('utf8').toArray(),
      child.stderr.setEncoding('utf8').toArray(),
      once(child, 'close'),
    ]);
    return { exitCode: exitCode ?? 1, stdout: stdout.join(''), stderr: stderr.join('') };
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#folder);
  }
}
