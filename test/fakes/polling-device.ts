/**
 * A device as a server sees it: it enrols, checks, and reports what it was offered as committed, over real HTTP. It keeps
 * each report until a server has acknowledged it and asks the next server when one does not answer, as a real one does.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CheckAnswer, CheckRequest, Offer } from '../../contract/device-api/check.ts';
import type { Report, ReportsAnswer } from '../../contract/device-api/report.ts';

export interface PollingDeviceOptions {
  readonly id: string;
  readonly product: string;
  readonly platform: CheckRequest['platform'];
  readonly labels: Record<string, string>;
  readonly installed: NonNullable<CheckRequest['current']>;
  /** Digest of the manifest of each version that may be offered. */
  readonly manifests: Readonly<Record<string, string>>;
  /** Base URLs, asked in turn; may change while it runs. */
  readonly servers: () => readonly string[];
  /** Moves the bytes of a release from this server before it is installed; without it, none are moved. */
  readonly download?: (server: string) => Promise<void>;
  /** About how long it waits between two looks; 150 unless told otherwise. */
  readonly pollMs?: number;
}

const usualPollMs = 150;
const patienceMs = 3000;

export class PollingDevice {
  readonly id: string;
  readonly #options: PollingDeviceOptions;
  readonly #outbox: Report[] = [];
  #token = '';
  #turn = 0;
  #sequence = 0;
  #current: PollingDeviceOptions['installed'];
  /** Each offer that it followed. */
  readonly followed: Offer[] = [];
  /** Requests that no server answered, or with a 5xx. */
  unanswered = 0;
  /** Each report that a server acknowledged, in order. */
  readonly acknowledged: Report[] = [];

  constructor(options: PollingDeviceOptions) {
    this.#options = options;
    this.id = options.id;
    this.#current = options.installed;
    // Devices do not all begin with the same server.
    this.#turn = options.id.charCodeAt(options.id.length - 1);
  }

  get version(): string {
    return this.#current.version;
  }

  async enrol(enrolmentToken: string): Promise<void> {
    const { product, platform, labels, id } = this.#options;
    const body = { schemaVersion: 1, deviceId: id, product, platform, labels };
    const answer = await this.#ask<{ deviceToken: string }>('/v1/enrol', body, enrolmentToken);
    this.#token = answer.deviceToken;
  }

  /** Checks and reports until it runs `version` and everything is acknowledged, or `signal` is aborted. */
  async runUntil(version: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (this.version !== version || this.#outbox.length > 0)) {
      try {
        await this.#poll();
      } catch {
        this.unanswered++;
      }
      await pause((this.#options.pollMs ?? usualPollMs) * (0.5 + Math.random()));
    }
  }

  async #poll(): Promise<void> {
    if (this.#outbox.length > 0) {
      const answer = await this.#ask<ReportsAnswer>(`/v1/devices/${this.id}/reports`, {
        schemaVersion: 1,
        reports: this.#outbox,
      });
      const firstOpen = this.#outbox.findIndex(({ sequence }) => sequence > answer.acknowledgedThrough);
      this.acknowledged.push(...this.#outbox.splice(0, firstOpen < 0 ? this.#outbox.length : firstOpen));
    }
    const { product, platform, labels } = this.#options;
    const answer = await this.#ask<CheckAnswer>(`/v1/devices/${this.id}/check`, {
      ...{ schemaVersion: 1, updaterVersion: '0.1.0', product, platform, labels },
      ...{ current: this.#current, counterFloor: this.#current.counter, phase: 'idle', rejected: [] },
    });
    if (answer.decision !== 'update') return;
    await this.#options.download?.(this.#nextServer());
    this.#follow(answer.offer);
  }

  /** Installs at once, and says so in two reports. */
  #follow(offer: Offer): void {
    const manifestSha256 = this.#options.manifests[offer.version];
    if (manifestSha256 === undefined) throw new Error(`offered ${offer.version}, which was never published`);
    this.followed.push(offer);
    this.#current = { version: offer.version, counter: offer.counter, manifestSha256 };
    const attempt = `${this.id}-${this.followed.length}`;
    const common = { at: '2026-01-01T00:00:00Z', attempt, rollout: offer.rollout, version: offer.version };
    this.#outbox.push({ ...common, sequence: ++this.#sequence, phase: 'downloading' });
    this.#outbox.push({ ...common, sequence: ++this.#sequence, phase: 'committed', outcome: 'committed' });
  }

  async #ask<T>(path: string, body: object, token = this.#token): Promise<T> {
    const response = await fetch(`${this.#nextServer()}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  #nextServer(): string {
    const servers = this.#options.servers();
    return servers[this.#turn++ % servers.length] ?? '';
  }
}
