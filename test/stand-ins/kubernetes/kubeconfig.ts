/** A kubeconfig as K3s writes its own (pkg/daemons/control/deps of K3s). */

export interface KubeconfigPaths {
  readonly server: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function kubeconfig({ server, ca, cert, key }: KubeconfigPaths): string {
  return `apiVersion: v1
clusters:
- cluster:
    server: ${server}
    certificate-authority: ${ca}
  name: local
contexts:
- context:
    cluster: local
    namespace: default
    user: user
  name: Default
current-context: Default
kind: Config
preferences: {}
users:
- name: user
  user:
    client-certificate: ${cert}
    client-key: ${key}
`;
}
