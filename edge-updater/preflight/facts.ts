/** Lists the facts of a box that objections go by. What could not be found out is undefined, and nobody objects by it. */
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Box } from '../box/box.ts';

/** The K3s or K0s of a release, as far as that states it. */
export interface Target {
  /** Of the release. */
  readonly version: Version;
  readonly distribution: ReleaseDistribution | undefined;
  /** Of the K3s or K0s in the release that is current. */
  readonly running: Version | undefined;
}

export interface CertificateTimes {
  readonly file: string;
  /** Milliseconds since 1970, both. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A version of an API that clients have asked for since the API server started, and that goes with a minor version. */
export interface RequestedApi {
  /** `flowcontrol.apiserver.k8s.io/v1beta3 flowschemas` */
  readonly name: string;
  /** The first minor version that is without it, such as `1.32`. */
  readonly removedIn: string;
}

/** A program that was run, bounded in time and output. */
export type ProgramRun =
  | { readonly kind: 'ended'; readonly status: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'not started'; readonly errno: string; readonly message: string }
  | { readonly kind: 'silent'; readonly seconds: number };

export interface BoxFacts {
  readonly box: Box;
  /** The device's own clock, milliseconds since 1970. */
  readonly now: number;
  /** Of an agent: what its API server says of itself. */
  readonly serverVersion?: Version | undefined;
  readonly certificates: readonly CertificateTimes[];
  /** Of `/etc/k0s/containerd.d`. */
  readonly dropIns: readonly { readonly path: string; readonly text: string }[];
  readonly requestedApis?: readonly RequestedApi[] | undefined;
  /** Arguments of each process, the program first. */
  readonly processes: readonly (readonly string[])[];
  /** State of the plan of K0s' own autopilot. */
  readonly autopilot?: string | undefined;
  /** MemAvailable of /proc/meminfo. */
  readonly availableBytes?: number | undefined;
}

/** What programs say of this box: the new one, and the installed one for comparison. */
export interface ProgramFacts {
  /** Of `--version`. */
  readonly version: ProgramRun;
  /** K0s: each of its own checks by the new program and by the installed one. */
  readonly checks: readonly {
    readonly command: 'sysinfo' | 'config validate';
    readonly next: ProgramRun;
    readonly installed: ProgramRun;
  }[];
}
