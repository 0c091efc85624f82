/** A box whose runs are processes of their own, and that tells after each what has become of it. */
import { spawnSync } from 'node:child_process';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import type { BoxWork } from '../fakes/box-run-main.ts';
import type { EdgeDevice } from '../fakes/edge-device.ts';

export class SeparateBox extends AdoptedBox {
  readonly #program: string;
  readonly #tell: (writing?: Digest) => void;

  /** @param program see box-run-main.ts @param tell with the release that is about to write */
  constructor(edge: EdgeDevice, program: string, tell: (writing?: Digest) => void) {
    super(edge, false);
    this.#program = program;
    this.#tell = tell;
  }

  override async restart(): Promise<void> {
    try {
      await super.restart();
    } finally {
      this.#tell();
    }
  }

  override async stop(): Promise<void> {
    await super.stop();
    this.#tell();
  }

  protected override serve(slot: Digest): void {
    this.#tell(slot);
    const { signal, stderr } = this.#work({ run: this.runOf(slot) });
    if (signal !== 'SIGKILL') throw new SlipwayError('service-start-failed', stderr);
  }

  protected override unpack(slot: Digest, dataDir: string): void {
    this.#work({ payload: this.payloadOf(slot), unpackTo: dataDir });
  }

  /** A disk that fails is the updater's matter: what the box does on it is not. */
  #work(work: BoxWork) {
    const isKill = process.env.SLIPWAY_SHIM_FAULT === 'kill';
    const env = isKill ? process.env : { ...process.env, SLIPWAY_SHIM_AT: '0' };
    return spawnSync(process.execPath, [this.#program, JSON.stringify(work)], { env, encoding: 'utf8' });
  }
}
