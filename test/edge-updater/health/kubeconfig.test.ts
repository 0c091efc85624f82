/** The kubeconfig as K3s and K0s write it, and what is none. */
import { expect, it } from 'vitest';
import { toSlipwayError } from '../../../contract/errors.ts';
import { accessIn, kubeconfigOf, serversIn } from '../../../edge-updater/health/kubeconfig.ts';
import { kubeletVersionOf } from '../../../edge-updater/health/kubelet-version.ts';
import { kubeconfig } from '../../stand-ins/kubernetes/kubeconfig.ts';

const ofK3s = kubeconfig({ server: 'https://127.0.0.1:6444', ca: '/d/ca.crt', cert: '/d/c.crt', key: '/d/c.key' });

/** As client-go writes it for K0s: data in base64, and a context of several. */
const ofK0s = `
apiVersion: v1
kind: Config
current-context: two
contexts:
- {name: one, context: {cluster: other, user: nobody}}
- {name: two, context: {cluster: local, user: user}}
clusters:
- {name: other, cluster: {server: "https://10.0.0.9:6443"}}
- name: local
  cluster: {server: "https://localhost:6443", certificate-authority-data: ${btoa('CA')}}
users:
- {name: nobody, user: {token: secret}}
- name: user
  user: {client-certificate-data: ${btoa('CERT')}, client-key-data: ${btoa('KEY')}}
`;

const codeOf = (content: string) => {
  try {
    accessIn(content, 'admin.kubeconfig');
    return 'read';
  } catch (thrown) {
    return toSlipwayError(thrown).code;
  }
};

it('names the server, and its certificates as files or as they are', () => {
  expect(accessIn(ofK3s, 'k')).toMatchObject({
    ...{ server: { href: 'https://127.0.0.1:6444/' }, ca: { file: '/d/ca.crt' } },
    ...{ cert: { file: '/d/c.crt' }, key: { file: '/d/c.key' } },
  });
  expect(accessIn(ofK0s, 'k')).toMatchObject({
    ...{ server: { href: 'https://localhost:6443/' }, ca: { pem: 'CA' }, cert: { pem: 'CERT' }, key: { pem: 'KEY' } },
  });
});

it.each<[string, string]>([
  ['nothing', ''],
  ['no YAML', '{'],
  ['no list of users', ofK3s.replace('users:', 'people:')],
  ['a server that is no address', ofK3s.replace('https://127.0.0.1:6444', 'box')],
  ['no certificate of a client', ofK3s.replace(/client-certificate: .*/, 'token: secret')],
  ['no authority', ofK3s.replace(/certificate-authority: .*/, 'insecure-skip-tls-verify: true')],
  ['a context that leads nowhere', ofK0s.replace('current-context: two', 'current-context: three')],
  ['data that is no base64', ofK0s.replace(btoa('CERT'), '"%%%"')],
])('is none with %s', (_, content) => {
  expect(codeOf(content)).toBe('document-invalid');
});

it.each([
  ['k3s', 'server', '/d/server/cred/admin.kubeconfig'],
  ['k3s', 'agent', '/d/agent/kubelet.kubeconfig'],
  ['k0s', 'controller', '/d/pki/admin.conf'],
  ['k0s', 'controller+worker', '/d/pki/admin.conf'],
  ['k0s', 'worker', '/d/kubelet.conf'],
] as const)('lies at a %s %s in %s', (distribution, role, file) => {
  expect(kubeconfigOf({ distribution, role, dataDir: '/d' })).toBe(file);
});

it('has a load balancer beside it at an agent of K3s, which knows its servers', () => {
  const known = { ServerURL: 'https://k3s.example', ServerAddresses: ['10.0.0.1:6443', '[fd00::1]:6443'] };
  expect(serversIn(JSON.stringify(known))).toEqual(['10.0.0.1:6443', '[fd00::1]:6443', 'k3s.example:443']);
  for (const text of ['', '{', '[]', '{"ServerAddresses":"x"}', '{"ServerURL":"box"}'])
    expect(serversIn(text)).toEqual([]);
});

it.each([
  ['k3s', '1.33.9+k3s1', 'v1.33.9+k3s1'],
  ['k3s', 'v1.33.9-rc10+k3s2', 'v1.33.9-rc10+k3s2'],
  ['k0s', '1.33.9+k0s.0', 'v1.33.9+k0s'],
  ['k0s', 'v1.34.0-rc.1+k0s.12', 'v1.34.0-rc.1+k0s'],
] as const)('knows what the kubelet of %s %s reports', (name, version, expected) => {
  expect(kubeletVersionOf(name, version)).toBe(expected);
});
