/** Parses release.yaml, in which a person declares a release. Paths are relative to the file itself. */
import * as z from 'zod';
import { limits } from '../../contract/limits.ts';
import { componentNameSchema } from '../../contract/release/component-name.ts';
import { distributionNames, payloadSchema } from '../../contract/release/distribution.ts';
import { installPathSchema } from '../../contract/release/install-path.ts';
import {
  type ComponentKind,
  componentKindSchema,
  counterSchema,
  modeSchema,
  productSchema,
} from '../../contract/release/manifest.ts';
import { platformSchema } from '../../contract/release/platform.ts';
import { rollbackPolicySchema } from '../../contract/release/rollback-policy.ts';
import { versionSchema } from '../../contract/release/version.ts';

const pathSchema = z.string().min(1).max(4096);

const helmSchema = z.strictObject({
  /** Folder or packaged chart. */
  chart: pathSchema,
  /** Values files, later ones win. */
  values: z.array(pathSchema).default([]),
  releaseName: z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,51}[a-z0-9])?$/, 'expected a Helm release name'),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a namespace')
    .default('default'),
});
export type HelmChart = z.infer<typeof helmSchema>;

const origins = ['source', 'kustomize', 'helm'] as const;

const componentDeclarationSchema = z
  .strictObject({
    name: componentNameSchema,
    kind: componentKindSchema,
    /** A file; for manifests a file or a folder of YAML files. */
    source: pathSchema.optional(),
    /** A folder with a kustomization. */
    kustomize: pathSchema.optional(),
    helm: helmSchema.optional(),
    installPath: installPathSchema.optional(),
    mode: modeSchema.optional(),
    /** What upstream calls the file in its lists, by default as `source` does; `none`: it is the publisher's own. */
    upstream: z.string().min(1).max(limits.maxUpstreamNameBytes).optional(),
  })
  .superRefine((component, context) => {
    if (component.upstream !== undefined && component.source === undefined) {
      const message = 'what is rendered is published by nobody; only a component with a source has an upstream';
      context.addIssue({ code: 'custom', path: ['upstream'], message });
    }
    const given = origins.filter((origin) => component[origin] !== undefined);
    if (given.length !== 1) {
      const message = `expected one of source, kustomize and helm, found ${given.join(' and ') || 'none'}`;
      context.addIssue({ code: 'custom', path: [], message });
    }
    for (const origin of ['kustomize', 'helm'] as const) {
      if (component[origin] === undefined || component.kind === 'manifests') continue;
      const message = `only a component of kind manifests is rendered, this one is ${component.kind}`;
      context.addIssue({ code: 'custom', path: [origin], message });
    }
  });
export type ComponentDeclaration = z.infer<typeof componentDeclarationSchema>;

/** The word for a file that nobody but the publisher makes. */
const ownFile = 'none';

/**
 * Under which name the maker of a component publishes it; undefined for the publisher's own files. Manifests are the
 * publisher's own unless they state another.
 */
export function upstreamNameOf({ kind, source, upstream }: ComponentDeclaration): string | undefined {
  if (upstream !== undefined) return upstream === ownFile ? undefined : upstream;
  return source === undefined || kind === 'manifests' ? undefined : source.split('/').at(-1);
}

/** What a person states of the K3s or K0s inside; what is left out is read from the binary. */
const statedDistributionSchema = z.strictObject({
  name: z.enum(distributionNames).optional(),
  version: versionSchema.optional(),
  component: componentNameSchema.optional(),
  payload: payloadSchema.optional(),
});
export type StatedDistribution = z.infer<typeof statedDistributionSchema>;

export const releaseDeclarationSchema = z.strictObject({
  apiVersion: z.literal('slipway/v1'),
  kind: z.literal('Release'),
  product: productSchema,
  version: versionSchema,
  platform: platformSchema,
  counter: counterSchema.max(
    limits.maxBuiltCounter,
    `expected a counter of ${limits.maxBuiltCounter} at most, so that later releases can follow it`,
  ),
  floors: z.array(versionSchema).max(64).default([]),
  minUpdaterVersion: versionSchema.optional(),
  /** `none`: the release says nothing of it, so that updaters before 0.2.0 take it. */
  distribution: z
    .union([z.literal('none'), statedDistributionSchema], {
      error: 'expected none, or name, version, component, payload',
    })
    .optional(),
  onRollback: rollbackPolicySchema.optional(),
  components: z.array(componentDeclarationSchema).min(1).max(limits.maxComponents),
});
export type ReleaseDeclaration = z.infer<typeof releaseDeclarationSchema>;

const defaults: Record<ComponentKind, { readonly path: (name: string) => string; readonly mode: string }> = {
  binary: { path: (name) => `bin/${name}`, mode: '0755' },
  images: { path: (name) => `images/${name}.tar`, mode: '0644' },
  manifests: { path: (name) => `manifests/${name}.yaml`, mode: '0644' },
  wasm: { path: (name) => `wasm/${name}`, mode: '0644' },
  file: { path: (name) => `files/${name}`, mode: '0644' },
};

/** Where a component goes and with which mode, where the declaration leaves it open. */
export function placementOf(component: ComponentDeclaration): { installPath: string; mode: string } {
  const { path, mode } = defaults[component.kind];
  return { installPath: component.installPath ?? path(component.name), mode: component.mode ?? mode };
}
