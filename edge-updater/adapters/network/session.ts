/**
 * Keeps the device signed in: it registers the key of the device once, with the bearer that the device has, and asks for
 * short bearers with it. Bearers are in memory alone.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import * as z from 'zod';
import type { SessionAnswer } from '../../../contract/device-api/identity.ts';
import { type SignatureFields, toBeSigned } from '../../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { readIfThere, remove, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import type { DeviceKey } from './device-key.ts';

/** Where signed requests go. The body is sent as these bytes. */
export interface SessionServer {
  /** Milliseconds since 1970, by the server's clock where it has told. */
  now(): number;
  /** @throws SlipwayError `not-found` or another refusal from an older server */
  registerKey(token: string, body: Uint8Array, fields: SignatureFields): Promise<void>;
  /** @throws SlipwayError `device-key-unknown`, `request-stale`, `device-pending` and others */
  signIn(body: Uint8Array, fields: SignatureFields): Promise<SessionAnswer>;
}

interface Bearer {
  readonly token: string;
  /** On the monotonic clock, milliseconds. */
  readonly renewAt: number;
  readonly endsAt: number;
}

const markSchema = z.object({ schemaVersion: z.literal(1), keyId: z.string() });
/** Of its life; then a bearer is asked for while the last one is still good. */
const renewAfter = 0.75;

export class Session {
  readonly #deviceId: string;
  readonly #markFile: string;
  readonly #monotonic: () => number;
  #bearer: Bearer | undefined;

  /** @param monotonic milliseconds */
  constructor(stateDirectory: string, deviceId: string, monotonic = () => performance.now()) {
    this.#deviceId = deviceId;
    this.#markFile = path.join(stateDirectory, 'device-identity.json');
    this.#monotonic = monotonic;
  }

  /** The bearer, where there is one that need not be renewed yet. */
  fresh(refused: string | undefined): string | undefined {
    const bearer = this.#usable(refused);
    return bearer && this.#monotonic() < bearer.renewAt ? bearer.token : undefined;
  }

  /** Whether the server has taken this key. */
  isKnown({ keyId }: DeviceKey): boolean {
    try {
      const text = Buffer.from(readIfThere(this.#markFile) ?? []).toString();
      return markSchema.parse(JSON.parse(text)).keyId === keyId;
    } catch {
      return false;
    }
  }

  /** The key was taken. A mark that is not durable is made again, which costs one request. */
  mark({ keyId }: DeviceKey): void {
    replaceFileSync(this.#markFile, Buffer.from(`${JSON.stringify({ schemaVersion: 1, keyId })}\n`));
  }

  /** The server does not know the key any more. */
  unmark(): void {
    remove(this.#markFile);
    this.#bearer = undefined;
  }

  /** A bearer of which the end is known. */
  keep(token: string, expiresInSeconds: number): void {
    const now = this.#monotonic();
    const life = expiresInSeconds * 1000;
    this.#bearer = { token, renewAt: now + life * renewAfter, endsAt: now + life };
  }

  async register(server: SessionServer, key: DeviceKey, token: string): Promise<void> {
    const body = bytesOf({ schemaVersion: 1, publicKey: key.publicKey });
    await server.registerKey(token, body, await this.#signed(server, key, 'key', body));
    this.mark(key);
  }

  /** What is still good serves where no other one can be had. */
  async signIn(server: SessionServer, key: DeviceKey, refused: string | undefined): Promise<string> {
    try {
      const { deviceToken, expiresInSeconds } = await this.#ask(server, key);
      this.keep(deviceToken, expiresInSeconds);
      return deviceToken;
    } catch (error) {
      const bearer = this.#usable(refused);
      if (bearer && error instanceof SlipwayError && error.code !== 'device-key-unknown') return bearer.token;
      throw error;
    }
  }

  /** A clock that is wrong is told by the first refusal: the server's own time came with it. */
  async #ask(server: SessionServer, key: DeviceKey): Promise<SessionAnswer> {
    const body = bytesOf({ schemaVersion: 1 });
    try {
      return await server.signIn(body, await this.#signed(server, key, 'session', body));
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code !== 'request-stale') throw error;
      return server.signIn(body, await this.#signed(server, key, 'session', body));
    }
  }

  async #signed(server: SessionServer, key: DeviceKey, what: string, body: Uint8Array): Promise<SignatureFields> {
    const request = { method: 'POST', path: `/v1/devices/${this.#deviceId}/${what}`, body };
    const nonce = randomBytes(16).toString('base64url');
    const created = Math.floor(server.now() / 1000);
    const { base, fields } = toBeSigned(request, { created, keyId: key.keyId, nonce });
    return fields(await key.sign(base));
  }

  #usable(refused: string | undefined): Bearer | undefined {
    const bearer = this.#bearer;
    return bearer && bearer.token !== refused && this.#monotonic() < bearer.endsAt ? bearer : undefined;
  }
}

function bytesOf(body: object): Uint8Array {
  return Buffer.from(JSON.stringify(body));
}
