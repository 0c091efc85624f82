/**
 * Parses /etc/slipway/edge.yaml: its schema, its defaults and what of it is derived from the machine. It reads no
 * files: main.ts passes the text and the facts of the machine.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type DeviceId, deviceIdSchema } from '../contract/device-api/check.ts';
import { givenLabelsSchema } from '../contract/device-api/labels.ts';
import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import { distributionNames } from '../contract/release/distribution.ts';
import { productSchema } from '../contract/release/manifest.ts';
import { type Platform, platformOfNodeArch, platformSchema } from '../contract/release/platform.ts';
import { parseDocument } from '../system/documents/document.ts';
import {
  type Environment,
  noProxyRule,
  oneProxy,
  type ProxyRule,
  parseProxyUrl,
  proxiesOfEnvironment,
} from '../system/network/proxy.ts';
import { keepsSecrets } from '../system/network/transport.ts';
import { boxRoles, datastores } from './box/box.ts';
import { absolutePath, commandLine, seconds } from './configuration-values.ts';
import { defaultZstdPrograms } from './delta/delta-means.ts';
import { defaultEncoderThreads } from './delta/encoder-threads.ts';
import { healthSchema, probesOf } from './health/health-settings.ts';
import { ignorableObjections } from './preflight/objection.ts';

const environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());

const unitName = z.string().regex(/^[A-Za-z0-9:_.@-]+\.[a-z]+$/, 'expected a unit such as k3s.service');

const serviceSchema = z.discriminatedUnion('manager', [
  z.strictObject({
    manager: z.literal('systemd'),
    unit: unitName,
    stopTimeoutSeconds: seconds(0).default(90),
  }),
  z.strictObject({
    manager: z.literal('exec'),
    command: commandLine,
    env: environment.default({}),
    /** From SIGTERM to SIGKILL. */
    stopTimeoutSeconds: seconds(0).default(30),
    /** `file`: service.log in the state directory; `inherit`: the standard error of the updater. */
    output: z.enum(['file', 'inherit']).default('file'),
  }),
]);
/** What the machine itself leaves open of its K3s or K0s; see edge-updater/box. */
const boxSchema = z.strictObject({
  distribution: z.enum(distributionNames).optional(),
  role: z.enum(boxRoles).optional(),
  unit: unitName.optional(),
  dataDir: absolutePath.optional(),
  nodeName: z.string().min(1).max(253).optional(),
  datastore: z.enum(datastores).optional(),
});

const proxyUrlSchema = z.string().refine((text) => parseProxyUrl(text) !== undefined);
const proxySchema = z.union(
  [
    z.literal('none'),
    proxyUrlSchema,
    z.strictObject({ url: proxyUrlSchema, noProxy: z.array(z.string().min(1).max(300)).max(200).default([]) }),
  ],
  { error: 'expected none, the URL of a proxy (http://user:password@host:3128), or url and a list noProxy' },
);

const documentSchema = z.strictObject({
  /** Base URL of the distributor. */
  server: z.url({ protocol: /^https?$/ }),
  /** PEM certificates to trust besides those of the system. */
  caFile: absolutePath.optional(),
  /** Instead of HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  proxy: proxySchema.optional(),
  /** Plain HTTP, on loopback only. Everybody on the way can read along. */
  developmentAllowHttp: z.boolean().default(false),
  deviceId: deviceIdSchema.optional(),
  product: productSchema,
  platform: platformSchema.optional(),
  labels: givenLabelsSchema.default({}),
  stateDir: absolutePath.default('/var/lib/slipway'),
  /** The 1.root.json of the repository, brought by a way that is trusted. */
  trustedRoot: absolutePath,
  enrolment: z.strictObject({ tokenFile: absolutePath }).optional(),
  /** A command that keeps the key of the device and signs with it; else the key is in a file of stateDir. */
  identity: z.strictObject({ signer: commandLine }).optional(),
  poll: z
    .strictObject({
      intervalSeconds: seconds(1, limits.maxPollSeconds).default(900),
      jitterPercent: z.number().min(0).max(100).default(20),
    })
    .prefault({}),
  download: z
    .strictObject({
      maxBytesPerUpdate: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      allowFullAfterDeltaFailure: z.boolean().default(true),
      stallSeconds: seconds(0.1).default(60),
      /** Fewer bytes a second than this, over the window, are as good as none; 0: any rate will do. */
      minBytesPerSecond: z.number().int().min(0).max(1_000_000_000).default(1024),
      rateWindowSeconds: seconds(1, 24 * 3600).default(120),
      maxAttemptsWithoutProgress: z.number().int().min(1).max(1000).default(10),
      retryBaseSeconds: seconds(0).default(15),
      retryCapSeconds: seconds(0).default(900),
      /** At most this much is fetched again after a power cut, and no more than comes in a second. */
      durableStepKiB: z
        .number()
        .int()
        .min(1)
        .max(1024 * 1024)
        .default(4096),
    })
    .prefault({}),
  delta: z
    .strictObject({
      /** Rebuild compressed payloads, which takes the time and memory of their compressor. */
      allowReencode: z.boolean().default(true),
      /** Of the process that applies a delta. */
      maxMemoryMiB: z
        .number()
        .int()
        .min(1)
        .max(1024 * 1024)
        .default(256),
      /** For one payload, where cores and free memory allow them: each beyond the first takes memory besides. */
      maxEncoderThreads: z.number().int().min(1).max(16).default(defaultEncoderThreads),
      maxReencodeMinutes: z.number().min(0).default(60),
      /**
       * zstd commands, for payloads that another libzstd than the updater's was used for; each writes those of its own
       * version. What is not there, or is something else, is passed over.
       */
      zstdPrograms: z
        .array(absolutePath)
        .max(8)
        .default([...defaultZstdPrograms]),
      /** How fast this machine compresses long-window zstd of a high level. */
      reencodeKiBPerSecond: z.number().min(1).default(512),
    })
    .prefault({}),
  /** How often the files of the running release are read while nothing is under way. */
  verifyIntervalHours: z
    .number()
    .min(0.01)
    .max(24 * 366)
    .default(24),
  service: serviceSchema,
  box: boxSchema.optional(),
  health: healthSchema,
  /** What a preflight says against a release and the operator takes upon himself. */
  preflight: z.strictObject({ ignore: z.array(z.enum(ignorableObjections)).default([]) }).prefault({}),
  /** What a release has to bring along before this device takes it. */
  require: z
    .strictObject({
      /** Public keys in PEM form; one of them has to have signed the statement. */
      provenance: z.array(absolutePath).max(16).default([]),
      sbom: z.boolean().default(false),
      upstream: z.boolean().default(false),
    })
    .prefault({}),
});

/** Without a probe of its own, health is that of the K3s or K0s: where none is looked for, nothing would be asked. */
const configurationSchema = documentSchema.refine(
  ({ service, box, health }) =>
    probesOf(health).length > 0 || ((service.manager === 'systemd' || box !== undefined) && health.box !== 'none'),
  { path: ['health'], error: 'expected http, command or probes' },
);

type Written = z.infer<typeof configurationSchema>;
export type Configuration = Written & { readonly deviceId: DeviceId; readonly platform: Platform };

/** What is asked of the machine where the document says nothing. */
interface MachineFacts {
  /** `process.arch` */
  readonly arch: string;
  /** Content of /etc/machine-id; undefined where there is none. */
  readonly machineId: string | undefined;
}

/** @throws DocumentError; SlipwayError `platform-mismatch`, `usage`, `transport-insecure` */
export function parseConfiguration(text: string, file: string, machine: MachineFacts): Configuration {
  const written = parseDocument(text, configurationSchema, file);
  refuseInsecureTransport(new URL(written.server), written.developmentAllowHttp);
  const platform = written.platform ?? platformOfNodeArch(machine.arch);
  if (!platform) {
    throw new SlipwayError('platform-mismatch', `there is no platform for the architecture ${machine.arch}`, {
      hint: `Set platform in ${file}.`,
    });
  }
  const deviceId = written.deviceId ?? deviceIdOf(machine.machineId);
  if (!deviceId) {
    throw new SlipwayError('usage', 'this machine has no /etc/machine-id to derive a device id from', {
      hint: `Set deviceId in ${file}.`,
    });
  }
  return { ...written, platform, deviceId };
}

/**
 * `proxy` where it is written, else the environment.
 * @throws SlipwayError `usage` for an environment that names no proxy where it should
 */
export function proxiesOf({ proxy }: Pick<Configuration, 'proxy'>, environment: Environment): ProxyRule {
  if (proxy === undefined) return proxiesOfEnvironment(environment);
  if (proxy === 'none') return noProxyRule;
  const { url, noProxy } = typeof proxy === 'string' ? { url: proxy, noProxy: [] } : proxy;
  return oneProxy(parseProxyUrl(url) as URL, noProxy, 'proxy of edge.yaml');
}

/** Plain HTTP shows the token and every byte to the network; only a developer's own machine is exempt. */
export function refuseInsecureTransport(url: URL, developmentAllowHttp: boolean): void {
  if (url.protocol === 'https:' || (developmentAllowHttp && keepsSecrets(url))) return;
  throw new SlipwayError('transport-insecure', `${url.origin} is not https`, {
    hint: 'Use https; plain HTTP is for loopback with developmentAllowHttp: true.',
  });
}

/** The machine id itself is not for other machines to know (machine-id(5)). */
function deviceIdOf(machineId: string | undefined): string | undefined {
  const id = machineId?.trim();
  return id ? `m-${createHash('sha256').update(`slipway device ${id}`).digest('hex').slice(0, 32)}` : undefined;
}
