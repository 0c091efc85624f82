/** The device's own bearer token, in a file that only the updater reads; enrols once where there is none. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type EnrolRequest, tokenSchema } from '../../contract/device-api/enrolment.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { readIfThere, replaceFile } from './durable-file.ts';

export interface DeviceTokenOptions {
  readonly stateDirectory: string;
  /** File with the enrolment token; undefined where a token was put here by other means. */
  readonly enrolmentTokenFile: string | undefined;
  readonly request: EnrolRequest;
}

export class DeviceToken {
  readonly #options: DeviceTokenOptions;
  readonly #file: string;
  #token: string | undefined;
  #enrolling: Promise<string> | undefined;

  constructor(options: DeviceTokenOptions) {
    this.#options = options;
    this.#file = path.join(options.stateDirectory, 'device-token');
    const stored = readIfThere(this.#file);
    const parsed = tokenSchema.safeParse(stored && Buffer.from(stored).toString('utf8').trim());
    this.#token = parsed.success ? parsed.data : undefined;
  }

  /** @param enrol asks the server. @throws SlipwayError `unauthenticated` without any token; what `enrol` throws */
  async get(enrol: (token: string, body: EnrolRequest) => Promise<string>): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    this.#enrolling ??= this.#enrol(enrol).finally(() => {
      this.#enrolling = undefined;
    });
    return this.#enrolling;
  }

  async #enrol(enrol: (token: string, body: EnrolRequest) => Promise<string>): Promise<string> {
    const token = await enrol(this.#readEnrolmentToken(), this.#options.request);
    replaceFile(this.#file, Buffer.from(`${token}\n`));
    this.#token = token;
    return token;
  }

  #readEnrolmentToken(): string {
    const file = this.#options.enrolmentTokenFile;
    if (file === undefined) {
      throw new SlipwayError('unauthenticated', 'this device has no token and no enrolment is configured', {
        hint: 'Set enrolment.tokenFile to a file with an enrolment token.',
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
