/**
 * The one error class of Slipway and its closed list of codes. A code decides the exit status of a program, the HTTP
 * status of an answer and whether trying again can help; the page errors.md documents each one and a test keeps the
 * two equal. Message: what was expected and what was found. Hint: what the operator does next.
 */

interface CodeTraits {
  /** Exit status of a command that ends with it; see exitStatus. */
  readonly exit: number;
  /** HTTP status where a server answers with it. */
  readonly http?: number;
  /** True when the same call can succeed later without anybody changing its input. */
  readonly retryable?: true;
}

/** Exit statuses, the same in the three programs. */
export const exitStatus = {
  ok: 0,
  internal: 1,
  usage: 2,
  invalidInput: 3,
  untrusted: 4,
  unavailable: 5,
  conflict: 6,
  localResource: 7,
  updateFailed: 8,
  busy: 9,
} as const;

export const errorCodes = {
  // Anything
  internal: { exit: exitStatus.internal, http: 500 },
  usage: { exit: exitStatus.usage, http: 400 },

  // What a person wrote
  'document-unreadable': { exit: exitStatus.invalidInput },
  'document-invalid': { exit: exitStatus.invalidInput, http: 400 },
  'component-missing': { exit: exitStatus.invalidInput },
  'component-unreadable': { exit: exitStatus.invalidInput },
  'component-too-large': { exit: exitStatus.invalidInput },
  'platform-mismatch': { exit: exitStatus.invalidInput },
  'renderer-missing': { exit: exitStatus.invalidInput },
  'render-failed': { exit: exitStatus.invalidInput },
  'build-incomplete': { exit: exitStatus.invalidInput },
  'outcome-unexpected': { exit: exitStatus.updateFailed },

  // Versions and the repository
  'version-not-greater': { exit: exitStatus.conflict },
  'version-exists': { exit: exitStatus.conflict },
  'counter-not-greater': { exit: exitStatus.conflict },
  'floor-skipped': { exit: exitStatus.conflict },
  'repository-exists': { exit: exitStatus.conflict },
  'repository-missing': { exit: exitStatus.invalidInput },
  'product-unknown': { exit: exitStatus.invalidInput },
  'release-unknown': { exit: exitStatus.invalidInput, http: 404 },
  'publish-contended': { exit: exitStatus.conflict, retryable: true },

  // Where declarations come from
  'git-missing': { exit: exitStatus.localResource },
  'git-unreachable': { exit: exitStatus.unavailable, http: 502, retryable: true },
  'git-credentials-unreadable': { exit: exitStatus.invalidInput },
  'git-credentials-refused': { exit: exitStatus.unavailable, http: 502 },
  'git-branch-missing': { exit: exitStatus.invalidInput },
  'git-path-missing': { exit: exitStatus.invalidInput },
  'git-history-rewritten': { exit: exitStatus.conflict },
  'git-repository-too-large': { exit: exitStatus.invalidInput },
  'plan-managed-elsewhere': { exit: exitStatus.conflict, http: 409 },

  // Keys
  'key-unreadable': { exit: exitStatus.invalidInput },
  'key-not-authorised': { exit: exitStatus.untrusted },
  'threshold-not-met': { exit: exitStatus.untrusted },

  // Trust (TUF and what it names)
  'metadata-malformed': { exit: exitStatus.untrusted },
  'metadata-too-large': { exit: exitStatus.untrusted },
  'metadata-signature-invalid': { exit: exitStatus.untrusted },
  'metadata-expired': { exit: exitStatus.untrusted },
  'metadata-rolled-back': { exit: exitStatus.untrusted },
  'metadata-mismatched': { exit: exitStatus.untrusted },
  'metadata-missing': { exit: exitStatus.untrusted, retryable: true },
  'metadata-key-duplicated': { exit: exitStatus.untrusted },
  'trust-store-corrupt': { exit: exitStatus.untrusted },
  'target-unknown': { exit: exitStatus.untrusted },
  'manifest-malformed': { exit: exitStatus.untrusted },
  'manifest-schema-unknown': { exit: exitStatus.untrusted },
  'manifest-mismatched': { exit: exitStatus.untrusted },
  'digest-mismatch': { exit: exitStatus.untrusted },
  'length-mismatch': { exit: exitStatus.untrusted },
  'blob-missing': { exit: exitStatus.untrusted, http: 404, retryable: true },
  'bundle-truncated': { exit: exitStatus.untrusted },
  'bundle-malformed': { exit: exitStatus.untrusted },
  'updater-too-old': { exit: exitStatus.untrusted },

  // Permits to go back
  'permit-invalid': { exit: exitStatus.untrusted },
  'permit-expired': { exit: exitStatus.untrusted },
  'permit-not-for-device': { exit: exitStatus.untrusted },
  'permit-not-for-release': { exit: exitStatus.untrusted },
  'permit-used': { exit: exitStatus.untrusted },
  'permits-not-delegated': { exit: exitStatus.untrusted },

  // Decoding
  'compression-invalid': { exit: exitStatus.untrusted },
  'compression-window-too-large': { exit: exitStatus.untrusted },
  'vcdiff-malformed': { exit: exitStatus.untrusted },
  'vcdiff-truncated': { exit: exitStatus.untrusted },
  'vcdiff-secondary-compression': { exit: exitStatus.untrusted },
  'vcdiff-custom-code-table': { exit: exitStatus.untrusted },
  'vcdiff-target-segment': { exit: exitStatus.untrusted },
  'vcdiff-out-of-bounds': { exit: exitStatus.untrusted },
  'vcdiff-window-too-large': { exit: exitStatus.untrusted },
  'recipe-malformed': { exit: exitStatus.untrusted },
  'recipe-limit-exceeded': { exit: exitStatus.untrusted },
  'recipe-encoder-missing': { exit: exitStatus.localResource },
  'recipe-not-reproducible': { exit: exitStatus.untrusted },
  'vcdiff-checksum-mismatch': { exit: exitStatus.untrusted },
  'delta-base-mismatch': { exit: exitStatus.untrusted },
  'delta-version-unknown': { exit: exitStatus.untrusted },
  'delta-part-mismatch': { exit: exitStatus.untrusted },
  'delta-out-of-bounds': { exit: exitStatus.untrusted },
  'delta-truncated': { exit: exitStatus.untrusted },
  'delta-malformed': { exit: exitStatus.untrusted },
  'delta-not-reproducible': { exit: exitStatus.internal },

  // Store and network
  'store-url-invalid': { exit: exitStatus.usage },
  'store-unreachable': { exit: exitStatus.unavailable, http: 503, retryable: true },
  'store-forbidden': { exit: exitStatus.unavailable, http: 502 },
  'bucket-missing': { exit: exitStatus.unavailable, http: 502 },
  'object-missing': { exit: exitStatus.unavailable, http: 404 },
  'server-unreachable': { exit: exitStatus.unavailable, retryable: true },
  'server-refused': { exit: exitStatus.unavailable },
  'server-answer-invalid': { exit: exitStatus.unavailable, retryable: true },
  'transport-insecure': { exit: exitStatus.usage },
  'download-stalled': { exit: exitStatus.unavailable, retryable: true },
  'download-no-progress': { exit: exitStatus.unavailable, retryable: true },

  // Server
  unauthenticated: { exit: exitStatus.unavailable, http: 401 },
  forbidden: { exit: exitStatus.unavailable, http: 403 },
  'enrolment-token-invalid': { exit: exitStatus.unavailable, http: 401 },
  'device-unknown': { exit: exitStatus.unavailable, http: 404 },
  'device-revoked': { exit: exitStatus.unavailable, http: 403 },
  'device-exists': { exit: exitStatus.conflict, http: 409 },
  'rollout-finished': { exit: exitStatus.conflict, http: 409 },
  'rollout-held': { exit: exitStatus.conflict, http: 409 },
  'rollout-unknown': { exit: exitStatus.invalidInput, http: 404 },
  'not-found': { exit: exitStatus.unavailable, http: 404 },
  'precondition-failed': { exit: exitStatus.unavailable, http: 412 },
  'range-invalid': { exit: exitStatus.usage, http: 416 },
  'token-unknown': { exit: exitStatus.invalidInput, http: 404 },
  'rate-limited': { exit: exitStatus.unavailable, http: 429, retryable: true },
  overloaded: { exit: exitStatus.unavailable, http: 503, retryable: true },
  'database-unavailable': { exit: exitStatus.unavailable, http: 503, retryable: true },

  // The machine
  'disk-full': { exit: exitStatus.localResource, retryable: true },
  'io-error': { exit: exitStatus.localResource },
  'memory-exceeded': { exit: exitStatus.localResource },
  'delta-process-failed': { exit: exitStatus.localResource },
  'journal-corrupt': { exit: exitStatus.localResource },
  'already-running': { exit: exitStatus.busy, retryable: true },

  // The update
  'budget-exceeded': { exit: exitStatus.updateFailed },
  'full-download-forbidden': { exit: exitStatus.updateFailed },
  'service-start-failed': { exit: exitStatus.updateFailed },
  'health-timeout': { exit: exitStatus.updateFailed },
  'health-lost': { exit: exitStatus.updateFailed },
  'update-interrupted': { exit: exitStatus.updateFailed },
  'probation-interrupted': { exit: exitStatus.updateFailed },
  'nothing-to-roll-back-to': { exit: exitStatus.updateFailed },
  'release-rejected': { exit: exitStatus.updateFailed },
  'reverted-by-permit': { exit: exitStatus.updateFailed },
} as const satisfies Record<string, CodeTraits>;

export type ErrorCode = keyof typeof errorCodes;

export interface SlipwayErrorOptions {
  /** What the operator does next, one sentence. */
  readonly hint?: string;
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
  readonly hint?: string;
}

/** Any thrown value as a SlipwayError; what is not one becomes `internal` and keeps its cause. */
export function toSlipwayError(thrown: unknown): SlipwayError {
  if (thrown instanceof SlipwayError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SlipwayError('internal', message, {
    cause: thrown,
    hint: 'This is a defect in Slipway; please report it.',
  });
}

export function describeError(error: SlipwayError): ErrorDescription {
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

function traitsOf(code: ErrorCode): CodeTraits {
  return errorCodes[code];
}
