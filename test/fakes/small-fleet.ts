/**
 * A distributor over a signed store in a temporary folder, with a clock that tests move: the real application, the
 * real database and the real files, asked by injected requests.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import type { CheckRequest } from '../../contract/device-api/check.ts';
import type { Report } from '../../contract/device-api/report.ts';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { encodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { blobKey, manifestKey } from '../../contract/store-keys.ts';
import { openSqliteFleetState } from '../../distributor/adapters/database/sqlite/fleet-state.ts';
import { rolloutFiles } from '../../distributor/adapters/declarations/rollout-files.ts';
import { gateProbes } from '../../distributor/adapters/gate-probes.ts';
import { buildApp } from '../../distributor/app.ts';
import { Catalog } from '../../distributor/catalog/catalog.ts';
import { PrivateProducts } from '../../distributor/catalog/private-products.ts';
import { composeServer } from '../../distributor/composition.ts';
import { everywhere, type FleetReach } from '../../distributor/fleet/access/reach.ts';
import type { Scope } from '../../distributor/fleet/access/scopes.ts';
import { mintToken } from '../../distributor/fleet/access/token.ts';
import type { FleetState } from '../../distributor/fleet/ports.ts';
import type { App } from '../../distributor/http/fastify-app.ts';
import { createMetrics, type Metrics } from '../../distributor/http/metrics.ts';
import type { People } from '../../distributor/people/people.ts';
import type { DeclarationSource } from '../../distributor/reconcile/ports.ts';
import type { ReconcileEvent, Reconciler } from '../../distributor/reconcile/reconcile.ts';
import type { CampaignEvent } from '../../distributor/rollout/campaigns/campaign-event.ts';
import type { Campaigns } from '../../distributor/rollout/campaigns/campaigns.ts';
import type { Policy, Services } from '../../distributor/services.ts';
import { directoryReader } from '../../system/store/directory-reader.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { planReadHere } from './plan-read-here.ts';
import { product, SignedRepository } from './signed-repository.ts';

export interface FleetOptions {
  readonly policy?: Partial<Policy>;
  readonly store?: (folder: string) => StoreReader;
  /** Another server over the state, the store and the clock of this one. */
  readonly beside?: SmallFleet;
  /** Instead of SQLite in the folder `state`. */
  readonly state?: () => Promise<FleetState>;
  readonly showsMetrics?: boolean;
  readonly maxDownloads?: number;
  readonly people?: People;
  readonly privateProducts?: readonly string[];
  /** False: as a server is that has not looked at its store yet. */
  readonly readsStore?: boolean;
  /** In the repository besides. */
  readonly otherProducts?: readonly string[];
  /** Takes the lines of the log about requests, parsed; undefined logs nothing. */
  readonly log?: Record<string, unknown>[];
  /** Instead of the folder `rollouts`; `api` where plans are sent. */
  readonly source?: DeclarationSource | 'api';
}

const defaultPolicy: Policy = {
  requireTokenForReads: false,
  redirectBlobs: false,
  blobOrigin: undefined,
  accelRedirect: undefined,
  acceptance: async () => 'accepted',
  bearerSeconds: 3600,
  enrolmentsPerMinute: 1000,
  checksPerMinute: 1000,
  pollAfterSeconds: undefined,
};

/** The text of a fleet whose devices hold each other up by what they say of themselves. */
export const takenAtTheirWord =
  '{apiVersion: slipway/v1, kind: Fleet, metadata: {name: trusting}, spec: {keys: {fromDevice: true}}}';

export class SmallFleet {
  readonly folder: string;
  readonly fleet: FleetState;
  readonly catalog: Catalog;
  readonly campaigns: Campaigns;
  readonly reconciler: Reconciler;
  /** What reconciling told. */
  readonly reconciled: ReconcileEvent[];
  readonly metrics: Metrics;
  readonly app: App;
  readonly services: Services;
  readonly events: CampaignEvent[];
  readonly repository: SignedRepository;
  readonly #time: { now: number };
  readonly #isGuest: boolean;

  static async open(options: FleetOptions = {}): Promise<SmallFleet> {
    const { beside } = options;
    const folder = beside?.folder ?? (await mkdtemp(path.join(tmpdir(), 'small-fleet-')));
    for (const name of ['store/metadata', 'store/targets', 'rollouts']) {
      await mkdir(path.join(folder, name), { recursive: true });
    }
    const time = beside === undefined ? { now: Date.now() } : beside.#time;
    const repository = beside?.repository ?? new SignedRepository(new Date(time.now), options.otherProducts);
    const fleet = await (options.state?.() ?? openSqliteFleetState(path.join(folder, 'state')));
    const storeFolder = path.join(folder, 'store');
    const store = options.store?.(storeFolder) ?? directoryReader(storeFolder);
    const catalog = new Catalog(store, new PrivateProducts(options.privateProducts ?? []));
    const events: CampaignEvent[] = [];
    const reconciled: ReconcileEvent[] = [];
    const rollouts = rolloutFiles({ place: path.join(folder, 'rollouts'), pollSeconds: 3600 }, process.env);
    // Files are read when a test says so: what a watch sees comes when the machine has time for it.
    const files: DeclarationSource = { ...rollouts, watch: () => () => undefined };
    const metrics = createMetrics();
    const { permits } = repository.keys;
    const composed = composeServer({
      ...{ fleet, store, catalog, metrics, randomBytes },
      people: options.people,
      source: options.source === 'api' ? undefined : (options.source ?? files),
      readPlan: planReadHere,
      probe: gateProbes(),
      allowRewrite: false,
      maxDownloads: options.maxDownloads ?? 100,
      signer: { keyId: permits.keyId, sign: (bytes) => permits.sign(bytes).sig },
      chance: Math.random,
      clock: () => time.now,
      policy: { ...defaultPolicy, ...options.policy },
      observe: {
        reconciled: (event) => reconciled.push(event),
        campaign: (event) => event.kind !== 'held' && events.push(event),
        problem: (error) => {
          throw error;
        },
      },
    });
    const services: Services = { ...composed, isStarted: () => true };
    const { campaigns, reconciler } = services;
    const { log: kept } = options;
    const logger = kept
      ? pino({ level: 'info' }, { write: (line) => void (line.includes('"reqId"') && kept.push(JSON.parse(line))) })
      : pino({ level: 'silent' });
    const app = await buildApp(services, {
      ...{ logger, tls: undefined, trustProxy: false, newRequestId: randomUUID, maxConnections: 1000 },
      showsMetrics: options.showsMetrics ?? true,
    });
    const isGuest = beside !== undefined;
    const small = new SmallFleet({
      folder,
      isGuest,
      fleet,
      catalog,
      campaigns,
      reconciler,
      reconciled,
      metrics,
      app,
      services,
      events,
      repository,
      time,
    });
    await small.#writeMetadata();
    await reconciler.start();
    if (options.readsStore ?? true) await catalog.refresh(new Date(time.now));
    await campaigns.advanceAll(time.now);
    return small;
  }

  private constructor(
    parts: Pick<
      SmallFleet,
      | 'folder'
      | 'fleet'
      | 'catalog'
      | 'campaigns'
      | 'reconciler'
      | 'reconciled'
      | 'metrics'
      | 'app'
      | 'services'
      | 'events'
      | 'repository'
    > & { isGuest: boolean; time: { now: number } },
  ) {
    this.folder = parts.folder;
    this.fleet = parts.fleet;
    this.catalog = parts.catalog;
    this.campaigns = parts.campaigns;
    this.reconciler = parts.reconciler;
    this.reconciled = parts.reconciled;
    this.metrics = parts.metrics;
    this.app = parts.app;
    this.services = parts.services;
    this.events = parts.events;
    this.repository = parts.repository;
    this.#time = parts.time;
    this.#isGuest = parts.isGuest;
  }

  get now(): number {
    return this.#time.now;
  }

  /** Lets time pass, and the campaigns take their steps. */
  async pass(seconds: number): Promise<void> {
    this.#time.now += seconds * 1000;
    await this.campaigns.advanceAll(this.now);
  }

  /** Lets time pass without a step of a campaign. */
  lapse(seconds: number): void {
    this.#time.now += seconds * 1000;
  }

  async publish(release: ReleaseManifest, channels: string[] = []): Promise<void> {
    const { bytes, sha256: digest } = encodeManifest(release);
    await this.#write(manifestKey(digest), bytes);
    this.repository.publish(new Date(this.now), release, channels);
    await this.#writeMetadata();
    await this.catalog.refresh(new Date(this.now));
  }

  async putBlob(bytes: Uint8Array): Promise<Digest> {
    const digest = sha256(bytes);
    await this.#write(blobKey(digest), bytes);
    return digest;
  }

  /** Writes a rollout file and has the declarations read again, and the campaigns advance. */
  async declare(name: string, spec: Record<string, unknown>): Promise<void> {
    const document = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name }, spec: { product, ...spec } };
    await this.writeRolloutFile(`${name}.yaml`, JSON.stringify(document));
  }

  async writeRolloutFile(name: string, text: string): Promise<void> {
    await writeFile(path.join(this.folder, 'rollouts', name), text);
    await this.reconciler.reconcile();
    await this.campaigns.advanceAll(this.now);
  }

  async token(purpose: 'operator' | 'ci', ...scopes: Scope[]): Promise<string> {
    return this.boundToken({}, scopes, purpose);
  }

  async boundToken(reach: Partial<FleetReach>, scopes: readonly Scope[], purpose: 'operator' | 'ci' = 'operator') {
    const { token, record } = mintToken({
      ...{ purpose, scopes, now: this.now, randomBytes },
      reach: { ...everywhere, ...reach },
    });
    await this.fleet.saveToken(record);
    return token;
  }

  async enrolmentToken(uses: number, lifetimeSeconds?: number): Promise<string> {
    const { token, record } = mintToken({ purpose: 'enrol', uses, lifetimeSeconds, now: this.now, randomBytes });
    await this.fleet.saveToken(record);
    return token;
  }

  /** Enrols a device and gives its token. */
  async enrol(deviceId: string, ofProduct = product): Promise<string> {
    const body = enrolBody(deviceId, ofProduct);
    const answer = await this.ask('POST', '/v1/enrol', await this.enrolmentToken(1), body);
    return answer.json<{ deviceToken: string }>().deviceToken;
  }

  async check(deviceId: string, token: string, facts: Partial<CheckRequest> = {}) {
    return (await this.ask('POST', `/v1/devices/${deviceId}/check`, token, { ...idleDevice, ...facts })).json();
  }

  async report(deviceId: string, token: string, ...reports: Partial<Report>[]) {
    const body = {
      schemaVersion: 1,
      reports: reports.map((report, i) => ({ ...plainReport, sequence: i + 1, ...report })),
    };
    return this.ask('POST', `/v1/devices/${deviceId}/reports`, token, body);
  }

  ask(method: 'GET' | 'POST' | 'PUT', url: string, token?: string, body?: object) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return this.app.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reconciler.stop();
    await this.app.close();
    await this.fleet.close();
    if (!this.#isGuest) await rm(this.folder, { recursive: true, force: true });
  }

  async #writeMetadata(): Promise<void> {
    for (const [name, bytes] of this.repository.files) await this.#write(`metadata/${name}`, bytes);
  }

  async #write(key: string, bytes: Uint8Array): Promise<void> {
    const file = path.join(this.folder, 'store', key);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
}

export const idleDevice: CheckRequest = {
  schemaVersion: 1,
  updaterVersion: '0.1.0',
  product,
  platform: 'linux/amd64',
  counterFloor: 0,
  phase: 'idle',
  rejected: [],
  labels: {},
};

export function enrolBody(deviceId: string, ofProduct = product) {
  return { schemaVersion: 1, deviceId, product: ofProduct, platform: 'linux/amd64', labels: {} };
}

const plainReport = { at: '2026-01-01T00:00:00Z', attempt: 'a1', phase: 'committed' as const, version: '2.0.0' };
