/** Names the questions that a preflight asks its machine. */
import type { Answer } from '../health/health-machine.ts';
import type { Access } from '../health/kubeconfig.ts';
import type { CertificateTimes, ProgramRun } from './facts.ts';

export interface PreflightMachine {
  /** Undefined where there is no such file, or it may not be read. */
  text(file: string): string | undefined;
  /** Names in a folder; none where there is none. */
  names(folder: string): readonly string[];
  /** Undefined where there is no certificate that can be read. */
  certificate(file: string): CertificateTimes | undefined;
  /** Arguments of each process that may be looked at. */
  processes(): readonly (readonly string[])[];
  /** Undefined where the kernel does not say. */
  availableBytes(): number | undefined;
  /** With the box's own certificate. Never throws. */
  askApi(access: Access, path: string, signal: AbortSignal): Promise<Answer>;
  /** As `askApi`, but of a long answer the lines that begin so. */
  linesOfApi(
    access: Access,
    path: string,
    beginning: string,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>;
  /** Runs a program to its end, with nothing to read and without its environment. Never throws. */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<ProgramRun>;
}
