/** A busy server cannot answer now and says how long to stay away (429 and 503 with Retry-After, RFC 9110 10.2.3). */
import { type ErrorCode, SlipwayError, type SlipwayErrorOptions } from '../../contract/errors.ts';

export class ServerBusy extends SlipwayError {
  readonly retryAfterSeconds: number;

  constructor(code: ErrorCode, message: string, retryAfterSeconds: number, options: SlipwayErrorOptions = {}) {
    super(code, message, options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
