/** Lets a machine of a crash scenario live in processes of its own under the shim, each on the files that the last one left. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { serialize } from 'node:v8';
import { bundleProgram } from '../../infra/bundle.ts';
import { CallShim, type ShimPoint, type ShimRun } from '../fakes/crash-shim/call-shim.ts';
import type { ShimLine } from '../fakes/crash-shim/shim-lines.ts';
import type { KeptMachine, ToldOfService } from './crash-deed-main.ts';
import type { CrashMachine, ServiceThen } from './crash-machine.ts';

const root = path.join(import.meta.dirname, '../..');
/** Bundles start in half the time. */
const programs = {
  updater: { entry: 'test/edge-updater/crash-deed-main.ts', output: 'updater.mjs', executable: false },
  box: { entry: 'test/fakes/box-run-main.ts', output: 'box.mjs', executable: false },
} as const;

export class ShimLives {
  readonly #folder: string;
  readonly #shim: CallShim;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#shim = new CallShim(folder);
  }

  static async prepare(): Promise<ShimLives> {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-shim-'));
    for (const program of Object.values(programs)) await bundleProgram(program, root, folder);
    return new ShimLives(folder);
  }

  /** One life, which leaves the machine as it ends. @param isStart whether it only ends what the last one left */
  async live(machine: CrashMachine, isStart: boolean, point: ShimPoint): Promise<ShimRun> {
    const { folder } = machine.prepared.edge;
    const file = path.join(this.#folder, 'machine');
    writeFileSync(file, serialize(kept(machine, isStart)));
    const [updater, box] = [programs.updater, programs.box].map(({ output }) => path.join(this.#folder, output));
    const run = await this.#shim.run(folder, [updater ?? '', file, box ?? ''], point);
    machine.take(servicesIn(run.lines, machine.service).at(-1) ?? machine.service);
    // Whoever comes next is later.
    machine.prepared.edge.clock.advance(3600);
    return run;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

function kept({ prepared, service }: CrashMachine, isStart: boolean): KeptMachine {
  const { edge, box, deed } = prepared;
  const { blobs, manifests, offered } = edge.server;
  return {
    ...{ folder: edge.folder, deed, isStart, now: edge.clock.now(), service, storage: box.storage, sick: box.sick },
    server: { files: edge.repository.files, blobs, manifests, offered },
  };
}

/** What the service was at each line. */
export function servicesIn(lines: readonly ShimLine[], before: ServiceThen): ServiceThen[] {
  let last = before;
  return lines.map((line) => {
    if ('mark' in line) last = serviceOf(line.mark as ToldOfService);
    return last;
  });
}

function serviceOf({ running, written, writing }: ToldOfService): ServiceThen {
  return { running: running ?? undefined, written: new Map(written), writing: writing ?? undefined };
}
