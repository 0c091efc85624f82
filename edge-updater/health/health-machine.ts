/** Names the questions that a look at the health of a box asks its machine. */
import type { Access } from './kubeconfig.ts';

export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'silence'; readonly why: Silence; readonly message: string };

/**
 * Why nobody answered: `refused`: nothing listens · `closed`: something listens and hangs up · `unreachable`: no way there,
 * or no answer in time · `certificate`: one of ours is expired or no certificate, or the server's is not to be trusted.
 */
export type Silence = 'refused' | 'closed' | 'unreachable' | 'certificate';

export interface HealthMachine {
  /** Undefined where there is no such file, or it may not be read. */
  text(file: string): string | undefined;
  /** With the box's own certificate, straight to its server. Never throws. */
  askApi(access: Access, path: string, signal: AbortSignal): Promise<Answer>;
  /** Plain HTTP. Never throws. */
  ask(url: string, signal: AbortSignal): Promise<Answer>;
  /** Whether somebody listens at one of these (`host:port`). Never throws. */
  isAnyReachable(addresses: readonly string[], signal: AbortSignal): Promise<boolean>;
  /** Seconds that only grow. */
  monotonicSeconds(): number;
}
