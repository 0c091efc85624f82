/** Reads the answer of K0s on its status socket (pkg/component/status of K0s), and how K0s' configuration names its datastore. */
import * as z from 'zod';

const storageSchema = z
  .object({
    type: z.string().optional(),
    etcd: z.object({ externalCluster: z.unknown() }).partial().nullish(),
    kine: z.object({ dataSource: z.string() }).partial().nullish(),
  })
  .nullish();
export type K0sStorage = z.infer<typeof storageSchema>;

/** A ClusterConfig, in k0s.yaml and in the status alike. */
export const clusterConfigSchema = z
  .object({ spec: z.object({ storage: storageSchema }).partial().nullish() })
  .nullish();

/** Of a running K0s; what is of no use here is passed over. */
export const k0sStatusSchema = z.object({
  Version: z.string(),
  Pid: z.number().int(),
  Role: z.string(),
  Workloads: z.boolean().default(false),
  SingleNode: z.boolean().default(false),
  ClusterConfig: clusterConfigSchema,
  K0sVars: z.object({ DataDir: z.string(), KubeletRootDir: z.string() }).partial().nullish(),
});
export type K0sStatus = z.infer<typeof k0sStatusSchema>;
