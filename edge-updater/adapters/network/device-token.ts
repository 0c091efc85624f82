/**
 * Comes to the device's own bearer token: by the key of the device where the server knows keys, else by a long one in a file
 * that only the updater reads. It enrols where there is neither, or where the server has forgotten the device. A use of an enrolment token is spent only on a server that was proved to be the
 * right one.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { type EnrolRequest, type enrolAnswerSchema, tokenSchema } from '../../../contract/device-api/enrolment.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { FetchMetadata } from '../../../contract/trust/trusted-set.ts';
import { readIfThere, remove, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import type { DeviceKey } from './device-key.ts';
import { Session, type SessionServer } from './session.ts';

/** What a server lets somebody do who shows an enrolment token. */
export interface EnrolmentServer extends SessionServer {
  /** @throws SlipwayError `unauthenticated` where the server shows metadata to devices alone, as older ones may */
  metadata(token: string, name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** @param publicKey left out for servers that do not know keys; those say no end of the token */
  enrol(token: string, body: EnrolFacts, publicKey: string | undefined): Promise<GivenToken>;
}

type EnrolFacts = Omit<Extract<EnrolRequest, { schemaVersion: 1 }>, 'schemaVersion'>;

type GivenToken = Pick<z.output<typeof enrolAnswerSchema>, 'deviceToken' | 'expiresInSeconds'>;

interface DeviceTokenOptions {
  readonly stateDirectory: string;
  /** File with the enrolment token; undefined where a token was put here by other means. */
  readonly enrolmentTokenFile: string | undefined;
  readonly request: EnrolFacts;
  /** Opens the key of the device, and makes it where there is none; undefined: long bearers alone. */
  readonly key?: () => Promise<DeviceKey>;
  /** Throws where the metadata is not that of this device's repository and product. */
  readonly prove: (metadata: FetchMetadata) => Promise<void>;
}

const forgotten = 'the server does not know the token of this device any more';
/** A server that could not take the key is asked again after so long. */
const askAgainMs = 3_600_000;
/** It answered about the key itself: what it refuses is not tried in another way. */
const lastWords: readonly string[] = ['identity-shared', 'device-rejected', 'device-revoked', 'device-pending'];
const refusedEnrolments: readonly string[] = ['enrolment-token-invalid', 'device-exists'];

export class DeviceToken {
  readonly #options: DeviceTokenOptions;
  readonly #file: string;
  #token: string | undefined;
  readonly #session: Session;
  #askAgainAt = 0;
  #enrolling: Promise<string> | undefined;

  constructor(options: DeviceTokenOptions) {
    this.#options = options;
    this.#file = path.join(options.stateDirectory, 'device-token');
    this.#token = this.#stored();
    this.#session = new Session(options.stateDirectory, options.request.deviceId);
  }

  /**
   * @param refused a token that the server does not know any more
   * @throws SlipwayError `unauthenticated` without any token that is good; what `prove` and `enrolment` throw
   */
  async get(enrolment: EnrolmentServer, refused?: string): Promise<string> {
    const fresh = this.#session.fresh(refused);
    if (fresh !== undefined) return fresh;
    this.#enrolling ??= this.#renew(enrolment, refused).finally(() => {
      this.#enrolling = undefined;
    });
    return this.#enrolling;
  }

  async #renew(server: EnrolmentServer, refused: string | undefined): Promise<string> {
    let isForgotten = refused !== undefined;
    let key: DeviceKey | undefined;
    try {
      key = await this.#options.key?.();
      if (key && this.#session.isKnown(key)) return await this.#signIn(server, key, refused);
    } catch (error) {
      isForgotten = error instanceof SlipwayError && error.code === 'device-key-unknown';
      // Without its key a device with a long bearer goes on as before.
      if (!isForgotten && (key !== undefined || this.#token === undefined)) throw error;
      if (isForgotten) this.#session.unmark();
    }
    // Somebody may have put another one here meanwhile.
    if (isForgotten && (this.#token === undefined || this.#token === refused)) this.#token = this.#stored();
    const stored = this.#token === refused ? undefined : this.#token;
    if (stored === undefined) return this.#enrol(server, key, isForgotten);
    const signedIn = key && (await this.#carryOver(server, key, stored));
    return signedIn ?? stored;
  }

  /** From a long bearer to the key. Undefined where the server takes no keys, or not now. */
  async #carryOver(server: EnrolmentServer, key: DeviceKey, stored: string): Promise<string | undefined> {
    if (performance.now() < this.#askAgainAt) return undefined;
    try {
      await this.#session.register(server, key, stored);
      return await this.#signIn(server, key, undefined);
    } catch (error) {
      if (error instanceof SlipwayError && lastWords.includes(error.code)) throw error;
      this.#askAgainAt = performance.now() + askAgainMs;
      return undefined;
    }
  }

  /** The long bearer has ended with the first short one. */
  async #signIn(server: EnrolmentServer, key: DeviceKey, refused: string | undefined): Promise<string> {
    const token = await this.#session.signIn(server, key, refused);
    this.#token = undefined;
    remove(this.#file);
    return token;
  }

  async #enrol(enrolment: EnrolmentServer, key: DeviceKey | undefined, isForgotten: boolean): Promise<string> {
    const shown = this.#readEnrolmentToken(isForgotten);
    await this.#options.prove((name, maxBytes) => enrolment.metadata(shown, name, maxBytes));
    const { request } = this.#options;
    const given = await enrolment.enrol(shown, request, key?.publicKey).catch((error: unknown) => {
      throw isForgotten ? this.#forgotten(error) : error;
    });
    const { deviceToken: token, expiresInSeconds } = given;
    // A token that is not durable is asked for again, which costs no further use.
    replaceFileSync(this.#file, Buffer.from(`${token}\n`));
    this.#token = token;
    if (key && expiresInSeconds !== undefined) {
      this.#session.mark(key);
      this.#session.keep(token, expiresInSeconds);
    }
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
