/** Declares what building a release needs from outside: programs that render Kubernetes manifests. */
import type { HelmChart } from './declaration.ts';

export interface ManifestRenderer {
  /**
   * The YAML of an overlay.
   * @param folder absolute
   * @throws SlipwayError `renderer-missing` or `render-failed`
   */
  kustomize(folder: string): Promise<Uint8Array>;
  /** The YAML of a chart, paths absolute. @throws SlipwayError `renderer-missing` or `render-failed` */
  helm(chart: HelmChart): Promise<Uint8Array>;
}
