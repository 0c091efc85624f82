/**
 * Writes frames by a zstd command (https://github.com/facebook/zstd, zstd(1)), for those of a libzstd that Node does
 * not carry. K3s is packed with the command of the Alpine release that it is built on.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { SlipwayError } from '../../contract/errors.ts';
import type { ByteConsumer, ZstdEncoder, ZstdEncoding } from './ports.ts';
import type { ZstdSettings } from './zstd-settings.ts';

/** Its settings come by arguments alone: variables of the environment would change the bytes. */
const environment = {};
const versionTimeoutMs = 10_000;
/** The first that has threads for its input and output. */
const asynchronousSince = '1.5.4';

/**
 * @param program absolute path
 * @returns the version of its libzstd, such as `1.5.6`; undefined when it does not run or is something else
 */
export function zstdProgramVersion(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ['-qV'], {
    encoding: 'utf8',
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: versionTimeoutMs,
  });
  return status === 0 ? /^(?:.* v)?(\d+\.\d+\.\d+)\b/.exec(stdout)?.[1] : undefined;
}

/**
 * @param version that of the program
 * @param workers threads for frames with jobs; the bytes do not depend on their number, memory does
 * @param onStart gets each process that is started
 */
export function zstdProgramEncoder(
  program: string,
  version: string,
  workers = 1,
  onStart?: (child: RunningZstd) => void,
): ZstdEncoder {
  return {
    versions: [version],
    encode(settings, contentLength, _frameLength, sink) {
      const args = argumentsOf(settings, contentLength, version, workers);
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], env: environment });
      onStart?.(child);
      return new ProgramEncoding(child, sink);
    },
  };
}

type RunningZstd = ChildProcessByStdio<Writable, Readable, null>;

class ProgramEncoding implements ZstdEncoding {
  readonly #program: RunningZstd;
  /** All output has gone to the sink, or could not. */
  readonly #drained: Promise<void>;
  readonly #ended: Promise<void>;
  #failure: unknown;

  constructor(program: RunningZstd, sink: ByteConsumer) {
    this.#program = program;
    // A program that ends early closes its input; what it says by that shows in its output and its exit status.
    program.stdin.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      program.once('close', () => resolve());
      program.once('error', (error) => {
        this.#failure ??= cannotRun(error);
        resolve();
      });
    });
    this.#drained = this.#drain(sink);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { stdin } = this.#program;
    // The pipe keeps what it cannot send at once, the caller's view ends with the call.
    if (stdin.write(bytes.slice()) || stdin.destroyed) return;
    const drain = new Promise<void>((resolve) => stdin.once('drain', resolve));
    await Promise.race([drain, this.#drained]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async finish(): Promise<void> {
    await this.settle();
    const status = this.#program.exitCode;
    if (status !== 0) throw new SlipwayError('recipe-not-reproducible', `the zstd command ended with ${status}`);
  }

  async settle(): Promise<void> {
    this.#program.stdin.end();
    await this.#drained;
    await this.#ended;
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#program.kill('SIGKILL');
  }

  async #drain(sink: ByteConsumer): Promise<void> {
    try {
      for await (const bytes of this.#program.stdout) await sink(bytes);
    } catch (error) {
      this.#failure ??= error;
      this.close();
    }
  }
}

/**
 * The size is told beforehand, as the command knows it of a file: it shows in the header and in the parameters. Where
 * the content ends before, the command fails, and its own thread for output would then lose bytes or garble them.
 */
function argumentsOf(settings: ZstdSettings, contentLength: number, version: string, workers: number): string[] {
  const { level, windowLog, longDistance, jobs, checksum, contentSize } = settings;
  return [
    '-q',
    '-c',
    ...(hasAsynchronousOutput(version) ? ['--no-asyncio'] : []),
    ...(level < 0 ? [`--fast=${-level}`] : level > 19 ? ['--ultra', `-${level}`] : [`-${level}`]),
    longDistance ? `--long=${windowLog}` : `--zstd=wlog=${windowLog}`,
    jobs ? `-T${workers}` : '--single-thread',
    checksum ? '--check' : '--no-check',
    ...(contentSize ? [`--stream-size=${contentLength}`] : []),
  ];
}

function hasAsynchronousOutput(version: string): boolean {
  return version.localeCompare(asynchronousSince, 'en', { numeric: true }) >= 0;
}

function cannotRun(cause: unknown): SlipwayError {
  return new SlipwayError('recipe-encoder-missing', 'the zstd command does not run', {
    cause,
    hint: 'Install it again, or use a delta that does not open this artifact.',
  });
}
