/**
 * Keeps the device's own bearer token, in a file that only the updater reads. It enrols where there is none, or where
 * the server has forgotten the device. A use of an enrolment token is spent only on a server that was proved to be the
 * right one.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type EnrolRequest, tokenSchema } from '../../../contract/device-api/enrolment.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { FetchMetadata } from '../../../contract/trust/trusted-set.ts';
import { readIfThere, replaceFileSync } from '../../../system/files/durable-file-sync.ts';

/** What a server lets somebody do who shows an enrolment token. */
export interface EnrolmentServer {
  /** @throws SlipwayError `unauthenticated` where the server shows metadata to devices alone, as older ones may */
  metadata(token: string, name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  enrol(token: string, body: EnrolRequest): Promise<string>;
}

interface DeviceTokenOptions {
  readonly stateDirectory: string;
  /** File with the enrolment token; undefined where a token was put here by other means. */
  readonly enrolmentTokenFile: string | undefined;
  readonly request: EnrolRequest;
  /** Throws where the metadata is not that of this device's repository and product. */
  readonly prove: (metadata: FetchMetadata) => Promise<void>;
}

const forgotten = 'the server does not know the token of this device any more';
const refusedEnrolments: readonly string[] = ['enrolment-token-invalid', 'device-exists'];

export class DeviceToken {
  readonly #options: DeviceTokenOptions;
  readonly #file: string;
  #token: string | undefined;
  #enrolling: Promise<string> | undefined;

  constructor(options: DeviceTokenOptions) {
    this.#options = options;
    this.#file = path.join(options.stateDirectory, 'device-token');
    this.#token = this.#stored();
  }

  /**
   * @param refused a token that the server does not know any more
   * @throws SlipwayError `unauthenticated` without any token that is good; what `prove` and `enrolment` throw
   */
  async get(enrolment: EnrolmentServer, refused?: string): Promise<string> {
    // Somebody may have put another one here meanwhile.
    if (this.#token !== undefined && this.#token === refused) this.#token = this.#stored();
    if (this.#token !== undefined && this.#token !== refused) return this.#token;
    this.#enrolling ??= this.#enrol(enrolment, refused !== undefined).finally(() => {
      this.#enrolling = undefined;
    });
    return this.#enrolling;
  }

  async #enrol(enrolment: EnrolmentServer, isForgotten: boolean): Promise<string> {
    const shown = this.#readEnrolmentToken(isForgotten);
    await this.#options.prove((name, maxBytes) => enrolment.metadata(shown, name, maxBytes));
    const token = await enrolment.enrol(shown, this.#options.request).catch((error: unknown) => {
      throw isForgotten ? this.#forgotten(error) : error;
    });
    // A token that is not durable is asked for again, which costs no further use.
    replaceFileSync(this.#file, Buffer.from(`${token}\n`));
    this.#token = token;
    return token;
  }

  #stored(): string | undefined {
    const stored = readIfThere(this.#file);
    return tokenSchema.safeParse(stored && Buffer.from(stored).toString('utf8').trim()).data;
  }

  #forgotten(error: unknown): unknown {
    if (!(error instanceof SlipwayError) || !refusedEnrolments.includes(error.code)) return error;
    return new SlipwayError('unauthenticated', `${forgotten}, and it refuses to enrol it: ${error.message}`, {
      cause: error,
      hint: `Put a new enrolment token (slipway-distributor enrolment-token create) into ${this.#options.enrolmentTokenFile}; a running updater uses it with its next check.`,
    });
  }

  #readEnrolmentToken(isForgotten: boolean): string {
    const file = this.#options.enrolmentTokenFile;
    if (file === undefined) {
      const why = isForgotten ? forgotten : 'this device has no token';
      throw new SlipwayError('unauthenticated', `${why}, and no enrolment is configured`, {
        hint: 'Set enrolment.tokenFile in edge.yaml to a file with an enrolment token (slipway-distributor enrolment-token create), and start the updater again.',
      });
    }
    let text: string;
    try {
      text = readFileSync(file, 'utf8').trim();
    } catch (cause) {
      throw new SlipwayError('document-unreadable', `cannot read the enrolment token ${file}`, { cause });
    }
    const parsed = tokenSchema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new SlipwayError('enrolment-token-invalid', `${file} does not hold a token of the form slp_enrol_…`);
  }
}
