/**
 * Defines the one error class of Slipway and its closed list of codes. A code decides the exit status of a program, the
 * HTTP status of an answer and whether trying again can help. The page errors.md documents each code, and a test keeps
 * the two equal. A message says what was expected and what was found; a hint says what the operator does next.
 */
import { exitStatus } from './exit-status.ts';

/**
 * Whose fault it is when an attempt to update ends or waits with a code. `release`: it was whole and right and did not
 * work · `device`: the device's own trouble · `path`: whatever carries the bytes. Only the first is evidence about a
 * release; the others hold the one device that has the trouble.
 */
export const faults = ['release', 'device', 'path'] as const;
export type Fault = (typeof faults)[number];

interface CodeTraits {
  /** Exit status of a command that ends with it; see exit-status.ts. */
  readonly exit: number;
  /** `none`: no attempt on a device ever ends or waits with it. */
  readonly fault: Fault | 'none';
  /** HTTP status where a server answers with it. */
  readonly http?: number;
  /** True when the same call can succeed later without anybody changing its input. */
  readonly retryable?: true;
  /** Version of the device API that first had it; absent: 1. Peers of an earlier version do not know the code. */
  readonly since?: 2;
}

export const errorCodes = {
  // Anything
  internal: { exit: exitStatus.internal, fault: 'device', http: 500 },
  usage: { exit: exitStatus.usage, fault: 'device', http: 400 },

  // What a person wrote
  'document-unreadable': { exit: exitStatus.invalidInput, fault: 'device' },
  'document-invalid': { exit: exitStatus.invalidInput, fault: 'device', http: 400 },
  'document-too-complex': { exit: exitStatus.invalidInput, fault: 'none', http: 400 },
  'component-missing': { exit: exitStatus.invalidInput, fault: 'none' },
  'component-unreadable': { exit: exitStatus.invalidInput, fault: 'none' },
  'component-too-large': { exit: exitStatus.invalidInput, fault: 'none' },
  'platform-mismatch': { exit: exitStatus.invalidInput, fault: 'device' },
  'distribution-contradicted': { exit: exitStatus.invalidInput, fault: 'none' },
  'attachment-malformed': { exit: exitStatus.invalidInput, fault: 'none' },
  'renderer-missing': { exit: exitStatus.invalidInput, fault: 'none' },
  'render-failed': { exit: exitStatus.invalidInput, fault: 'none' },
  'build-incomplete': { exit: exitStatus.invalidInput, fault: 'none' },
  'outcome-unexpected': { exit: exitStatus.updateFailed, fault: 'none' },

  // Versions and the repository
  'version-not-greater': { exit: exitStatus.conflict, fault: 'none' },
  'version-exists': { exit: exitStatus.conflict, fault: 'none' },
  'counter-not-greater': { exit: exitStatus.conflict, fault: 'device' },
  'floor-skipped': { exit: exitStatus.conflict, fault: 'device' },
  'repository-exists': { exit: exitStatus.conflict, fault: 'none' },
  'repository-missing': { exit: exitStatus.invalidInput, fault: 'none' },
  'product-unknown': { exit: exitStatus.invalidInput, fault: 'device', http: 404 },
  'release-unknown': { exit: exitStatus.invalidInput, fault: 'none', http: 404 },
  'publish-contended': { exit: exitStatus.conflict, fault: 'none', retryable: true },

  // Where declarations come from
  'git-missing': { exit: exitStatus.localResource, fault: 'none' },
  'git-unreachable': { exit: exitStatus.unavailable, fault: 'none', http: 502, retryable: true },
  'git-credentials-unreadable': { exit: exitStatus.invalidInput, fault: 'none' },
  'git-credentials-refused': { exit: exitStatus.unavailable, fault: 'none', http: 502 },
  'git-branch-missing': { exit: exitStatus.invalidInput, fault: 'none' },
  'git-path-missing': { exit: exitStatus.invalidInput, fault: 'none' },
  'git-history-rewritten': { exit: exitStatus.conflict, fault: 'none' },
  'git-repository-too-large': { exit: exitStatus.invalidInput, fault: 'none' },
  'plan-managed-elsewhere': { exit: exitStatus.conflict, fault: 'none', http: 409 },

  // Keys
  'key-unreadable': { exit: exitStatus.invalidInput, fault: 'none' },
  'key-locked': { exit: exitStatus.invalidInput, fault: 'none' },
  'signer-failed': { exit: exitStatus.localResource, fault: 'none' },
  'certificate-invalid': { exit: exitStatus.invalidInput, fault: 'device' },
  'key-not-authorised': { exit: exitStatus.untrusted, fault: 'none' },
  'threshold-not-met': { exit: exitStatus.untrusted, fault: 'none' },

  // Trust (TUF and what it names)
  'metadata-malformed': { exit: exitStatus.untrusted, fault: 'path' },
  'metadata-too-large': { exit: exitStatus.untrusted, fault: 'path' },
  'metadata-signature-invalid': { exit: exitStatus.untrusted, fault: 'path' },
  'metadata-expired': { exit: exitStatus.untrusted, fault: 'path' },
  'metadata-rolled-back': { exit: exitStatus.untrusted, fault: 'path' },
  'metadata-mismatched': { exit: exitStatus.untrusted, fault: 'path' },
  'metadata-missing': { exit: exitStatus.untrusted, fault: 'path', retryable: true },
  'root-behind': { exit: exitStatus.unavailable, fault: 'path', retryable: true, since: 2 },
  'version-exhausted': { exit: exitStatus.untrusted, fault: 'none' },
  'metadata-key-duplicated': { exit: exitStatus.untrusted, fault: 'path' },
  'trust-store-corrupt': { exit: exitStatus.untrusted, fault: 'device' },
  'target-unknown': { exit: exitStatus.untrusted, fault: 'path' },
  'manifest-malformed': { exit: exitStatus.untrusted, fault: 'path' },
  'manifest-schema-unknown': { exit: exitStatus.untrusted, fault: 'device' },
  'manifest-mismatched': { exit: exitStatus.untrusted, fault: 'path' },
  'digest-mismatch': { exit: exitStatus.untrusted, fault: 'path' },
  'length-mismatch': { exit: exitStatus.untrusted, fault: 'path' },
  'blob-missing': { exit: exitStatus.untrusted, fault: 'path', http: 404, retryable: true },
  'bundle-truncated': { exit: exitStatus.untrusted, fault: 'path' },
  'bundle-malformed': { exit: exitStatus.untrusted, fault: 'path' },
  'updater-too-old': { exit: exitStatus.untrusted, fault: 'device' },

  // Where a release is from
  'upstream-unnamed': { exit: exitStatus.untrusted, fault: 'none' },
  'upstream-mismatched': { exit: exitStatus.untrusted, fault: 'none' },
  'upstream-signature-invalid': { exit: exitStatus.untrusted, fault: 'none' },
  'provenance-missing': { exit: exitStatus.untrusted, fault: 'device', since: 2 },
  'provenance-invalid': { exit: exitStatus.untrusted, fault: 'device', since: 2 },

  // Permits to go back
  'permit-invalid': { exit: exitStatus.untrusted, fault: 'path' },
  'permit-expired': { exit: exitStatus.untrusted, fault: 'path' },
  'permit-not-for-device': { exit: exitStatus.untrusted, fault: 'path' },
  'permit-not-for-release': { exit: exitStatus.untrusted, fault: 'path' },
  'permit-used': { exit: exitStatus.untrusted, fault: 'path' },
  'permits-not-delegated': { exit: exitStatus.untrusted, fault: 'path' },

  // Grants to install without a network
  'grant-invalid': { exit: exitStatus.untrusted, fault: 'path', since: 2 },
  'grant-expired': { exit: exitStatus.untrusted, fault: 'path', since: 2 },
  'grant-not-for-device': { exit: exitStatus.untrusted, fault: 'path', since: 2 },

  // Decoding
  'compression-invalid': { exit: exitStatus.untrusted, fault: 'path' },
  'compression-window-too-large': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-malformed': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-truncated': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-secondary-compression': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-custom-code-table': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-target-segment': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-out-of-bounds': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-window-too-large': { exit: exitStatus.untrusted, fault: 'path' },
  'recipe-malformed': { exit: exitStatus.untrusted, fault: 'path' },
  'recipe-limit-exceeded': { exit: exitStatus.untrusted, fault: 'path' },
  'recipe-encoder-missing': { exit: exitStatus.localResource, fault: 'device' },
  'recipe-not-reproducible': { exit: exitStatus.untrusted, fault: 'path' },
  'vcdiff-checksum-mismatch': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-base-mismatch': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-version-unknown': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-part-mismatch': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-out-of-bounds': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-truncated': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-malformed': { exit: exitStatus.untrusted, fault: 'path' },
  'delta-not-reproducible': { exit: exitStatus.internal, fault: 'none' },

  // Store and network
  'store-url-invalid': { exit: exitStatus.usage, fault: 'none' },
  'store-unreachable': { exit: exitStatus.unavailable, fault: 'path', http: 503, retryable: true },
  'store-forbidden': { exit: exitStatus.unavailable, fault: 'path', http: 502 },
  'bucket-missing': { exit: exitStatus.unavailable, fault: 'path', http: 502 },
  'object-missing': { exit: exitStatus.unavailable, fault: 'path', http: 404 },
  'server-unreachable': { exit: exitStatus.unavailable, fault: 'path', retryable: true },
  'server-refused': { exit: exitStatus.unavailable, fault: 'path' },
  'server-answer-invalid': { exit: exitStatus.unavailable, fault: 'path', retryable: true },
  'transport-insecure': { exit: exitStatus.usage, fault: 'path' },
  'download-stalled': { exit: exitStatus.unavailable, fault: 'path', retryable: true },
  'download-no-progress': { exit: exitStatus.unavailable, fault: 'path', retryable: true },
  'tls-failed': { exit: exitStatus.unavailable, fault: 'path', retryable: true, since: 2 },
  'proxy-refused': { exit: exitStatus.unavailable, fault: 'path', http: 502, retryable: true, since: 2 },

  // Server
  unauthenticated: { exit: exitStatus.unavailable, fault: 'path', http: 401 },
  forbidden: { exit: exitStatus.unavailable, fault: 'path', http: 403 },
  'out-of-reach': { exit: exitStatus.unavailable, fault: 'none', http: 403, since: 2 },
  'issuer-unreachable': { exit: exitStatus.unavailable, fault: 'none', http: 503, retryable: true, since: 2 },
  'login-failed': { exit: exitStatus.unavailable, fault: 'none', since: 2 },
  'enrolment-token-invalid': { exit: exitStatus.unavailable, fault: 'path', http: 401 },
  'device-unknown': { exit: exitStatus.unavailable, fault: 'path', http: 404 },
  'device-pending': { exit: exitStatus.unavailable, fault: 'path', http: 403, retryable: true, since: 2 },
  'device-rejected': { exit: exitStatus.unavailable, fault: 'path', http: 403, since: 2 },
  'device-decided': { exit: exitStatus.conflict, fault: 'none', http: 409 },
  'device-key-unknown': { exit: exitStatus.unavailable, fault: 'path', http: 401, since: 2 },
  'request-signature-invalid': { exit: exitStatus.unavailable, fault: 'path', http: 401, since: 2 },
  'request-stale': { exit: exitStatus.unavailable, fault: 'path', http: 401, retryable: true, since: 2 },
  'request-replayed': { exit: exitStatus.unavailable, fault: 'path', http: 401, since: 2 },
  'identity-shared': { exit: exitStatus.conflict, fault: 'path', http: 403, since: 2 },
  'device-signer-failed': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'device-revoked': { exit: exitStatus.unavailable, fault: 'path', http: 403 },
  'device-exists': { exit: exitStatus.conflict, fault: 'path', http: 409 },
  'rollout-finished': { exit: exitStatus.conflict, fault: 'none', http: 409 },
  'rollout-held': { exit: exitStatus.conflict, fault: 'none', http: 409 },
  'rollout-unknown': { exit: exitStatus.invalidInput, fault: 'none', http: 404 },
  'not-found': { exit: exitStatus.unavailable, fault: 'path', http: 404 },
  'method-not-allowed': { exit: exitStatus.unavailable, fault: 'path', http: 405, since: 2 },
  'precondition-failed': { exit: exitStatus.unavailable, fault: 'path', http: 412 },
  'range-invalid': { exit: exitStatus.usage, fault: 'path', http: 416 },
  'token-unknown': { exit: exitStatus.invalidInput, fault: 'none', http: 404 },
  'rate-limited': { exit: exitStatus.unavailable, fault: 'path', http: 429, retryable: true },
  overloaded: { exit: exitStatus.unavailable, fault: 'path', http: 503, retryable: true },
  'database-unavailable': { exit: exitStatus.unavailable, fault: 'path', http: 503, retryable: true },
  'lead-lost': { exit: exitStatus.unavailable, fault: 'path', http: 503, retryable: true, since: 2 },
  'database-damaged': { exit: exitStatus.localResource, fault: 'path', http: 503, since: 2 },
  'state-missing': { exit: exitStatus.invalidInput, fault: 'none' },
  'listen-failed': { exit: exitStatus.localResource, fault: 'none' },
  starting: { exit: exitStatus.unavailable, fault: 'path', http: 503, retryable: true, since: 2 },

  // The machine
  'disk-full': { exit: exitStatus.localResource, fault: 'device', retryable: true },
  'io-error': { exit: exitStatus.localResource, fault: 'device' },
  'disk-read-only': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'permission-denied': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'not-executable': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'clock-wrong': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'slot-damaged': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'service-not-running': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'box-ambiguous': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'box-contradicted': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'box-unknown': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'unit-not-ours': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'actor-unavailable': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'datastore-damaged': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'datastore-not-restorable': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'datastore-not-saved': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'skew-refused': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'drop-in-refused': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'api-removed': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'box-refused': { exit: exitStatus.localResource, fault: 'device', since: 2 },
  'other-updater': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'memory-short': { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  stranded: { exit: exitStatus.localResource, fault: 'device', retryable: true, since: 2 },
  'memory-exceeded': { exit: exitStatus.localResource, fault: 'device' },
  'delta-process-failed': { exit: exitStatus.localResource, fault: 'device' },
  'journal-corrupt': { exit: exitStatus.localResource, fault: 'device' },
  'already-running': { exit: exitStatus.busy, fault: 'device', retryable: true },

  // The update
  'budget-exceeded': { exit: exitStatus.updateFailed, fault: 'device' },
  'full-download-forbidden': { exit: exitStatus.updateFailed, fault: 'device' },
  'program-broken': { exit: exitStatus.updateFailed, fault: 'release', since: 2 },
  'service-start-failed': { exit: exitStatus.updateFailed, fault: 'release' },
  'health-timeout': { exit: exitStatus.updateFailed, fault: 'release' },
  'health-lost': { exit: exitStatus.updateFailed, fault: 'release' },
  'update-interrupted': { exit: exitStatus.updateFailed, fault: 'device' },
  'probation-interrupted': { exit: exitStatus.updateFailed, fault: 'release' },
  'nothing-to-roll-back-to': { exit: exitStatus.updateFailed, fault: 'device' },
  'rollback-refused': { exit: exitStatus.updateFailed, fault: 'device', since: 2 },
  'nothing-to-undo': { exit: exitStatus.updateFailed, fault: 'device', since: 2 },
  'aside-mismatched': { exit: exitStatus.updateFailed, fault: 'device', since: 2 },
  'release-rejected': { exit: exitStatus.updateFailed, fault: 'release' },
  'reverted-by-permit': { exit: exitStatus.updateFailed, fault: 'release' },
} as const satisfies Record<string, CodeTraits>;

export type ErrorCode = keyof typeof errorCodes;

export interface SlipwayErrorOptions {
  /** What the operator does next, one sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class SlipwayError extends Error {
  override readonly name = 'SlipwayError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: SlipwayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get retryable(): boolean {
    return traitsOf(this.code).retryable === true;
  }

  get fault(): Fault {
    return faultOf(this.code);
  }

  get exitStatus(): number {
    return traitsOf(this.code).exit;
  }

  /** HTTP status of an answer that carries this error; 500 where none is assigned. */
  get httpStatus(): number {
    return traitsOf(this.code).http ?? 500;
  }
}

/** What a program prints under `--json` and a server answers, for any thrown value. */
export interface ErrorDescription {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What system calls fail with on a disk that is full, read-only or broken: that is nobody's defect. */
export const diskCodesOfErrno = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'disk-read-only',
  EIO: 'io-error',
} as const;

/** Any thrown value as a SlipwayError; what says nothing better becomes `internal`. Keeps its cause. */
export function toSlipwayError(thrown: unknown): SlipwayError {
  if (thrown instanceof SlipwayError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const codesOf: Partial<Record<string, ErrorCode>> = diskCodesOfErrno;
  const ofDisk = thrown instanceof Error && 'code' in thrown ? codesOf[String(thrown.code)] : undefined;
  if (ofDisk !== undefined) {
    return new SlipwayError(ofDisk, message, { cause: thrown, hint: 'Look at the disk and its free space.' });
  }
  return new SlipwayError('internal', message, {
    cause: thrown,
    hint: 'This is a defect in Slipway; please report it.',
  });
}

export function describeError(error: SlipwayError): ErrorDescription {
  return { code: error.code, message: error.message, hint: error.hint };
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** Codes that version 1 of the device API knows. */
export function isKnownInVersion1(code: string): boolean {
  return isErrorCode(code) && traitsOf(code).since === undefined;
}

/**
 * Whose fault a code is. This table has the last word; of a code that only a newer program knows, what that one said.
 * A code that should never end an attempt says something about the program on the device.
 * @param claimed as the program said that used the code
 */
export function faultOf(code: string, claimed?: Fault): Fault {
  if (!isErrorCode(code)) return claimed ?? 'device';
  const { fault } = traitsOf(code);
  return fault === 'none' ? 'device' : fault;
}

function traitsOf(code: ErrorCode): CodeTraits {
  return errorCodes[code];
}
