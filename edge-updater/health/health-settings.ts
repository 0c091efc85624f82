/** Defines the section `health` of edge.yaml: what has to be well, and for how long, before a release is kept. Pure. */
import * as z from 'zod';
import { commandLine, seconds } from '../configuration-values.ts';

const httpSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  expectStatus: z.number().int().min(100).max(599).default(200),
});

const probeSchema = z.union([z.strictObject({ http: httpSchema }), z.strictObject({ command: commandLine })], {
  error: 'expected http or command',
});
export type ProbeSettings = z.infer<typeof probeSchema>;

const namespace = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a namespace');

const boxHealthSchema = z.strictObject({
  /** Namespaces whose pods on this box have to be ready. */
  podsIn: z.array(namespace).max(64).default([]),
  /** Where the kubelet says that it is well, where its port was changed. */
  kubeletHealthz: z.url({ protocol: /^http$/ }).default('http://127.0.0.1:10248/healthz'),
});

export const healthSchema = z
  .strictObject({
    /** How the K3s or K0s is looked at; `none`: not at all. */
    box: z
      .union([z.literal('none'), boxHealthSchema], { error: 'expected none, or podsIn and kubeletHealthz' })
      .prefault({}),
    http: httpSchema.optional(),
    command: commandLine.optional(),
    /** Asked in their order, each of which has to succeed. */
    probes: z.array(probeSchema).max(32).default([]),
    /** From the start of the service until it must be healthy. */
    timeoutSeconds: seconds(1).default(900),
    intervalSeconds: seconds(0.05).default(10),
    /** How many times in a row. */
    successes: z.number().int().min(1).max(1000).default(3),
    soakSeconds: seconds(0).default(600),
    /** One probe. */
    probeTimeoutSeconds: seconds(0.1).default(10),
  })
  .refine(
    ({ http, command, probes }) =>
      [http, command, probes.length || undefined].filter((one) => one !== undefined).length <= 1,
    'expected one of http, command and probes',
  );
type HealthSettings = z.infer<typeof healthSchema>;

/** One that stands alone, as edge.yaml had it before there could be several, or all of the list. */
export function probesOf({ http, command, probes }: HealthSettings): readonly ProbeSettings[] {
  return [...(http ? [{ http }] : []), ...(command ? [{ command }] : []), ...probes];
}
