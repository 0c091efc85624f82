import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseConfiguration } from '../../edge-updater/configuration.ts';
import { updaterVersion } from '../../edge-updater/updater-version.ts';

const machine = { arch: 'x64', machineId: '0123456789abcdef0123456789abcdef\n' };
const minimal = `
server: https://updates.example
product: k3s-edge
trustedRoot: /etc/slipway/1.root.json
service: { manager: systemd, unit: k3s.service }
health: { http: { url: "http://127.0.0.1:10248/healthz" } }
`;
const parse = (text: string, facts = machine) => parseConfiguration(text, 'edge.yaml', facts);
const withHealth = (health: string) => minimal.replace(/health: .*/, `health: ${health}`);
const code = (expected: string) => expect.objectContaining({ code: expected });

it('fills in the defaults', () => {
  expect(parse(minimal)).toMatchObject({
    platform: 'linux/amd64',
    stateDir: '/var/lib/slipway',
    poll: { intervalSeconds: 900, jitterPercent: 20 },
    verifyIntervalHours: 24,
    download: { stallSeconds: 60, maxAttemptsWithoutProgress: 10, retryBaseSeconds: 15, retryCapSeconds: 900 },
    health: { timeoutSeconds: 900, intervalSeconds: 10, successes: 3, soakSeconds: 600 },
  });
});

it('has a look at the box as health, and as many probes as are wanted', () => {
  const usual = { podsIn: [], kubeletHealthz: 'http://127.0.0.1:10248/healthz' };
  expect(parse(minimal).health.box).toEqual(usual);
  expect(parse(withHealth('{}')).health).toMatchObject({ box: usual, probes: [] });
  const several = '{ box: {podsIn: [shop]}, probes: [{command: [a]}, {http: {url: "http://127.0.0.1:1/"}}] }';
  expect(parse(withHealth(several)).health).toMatchObject({
    box: { podsIn: ['shop'] },
    probes: [{ command: ['a'] }, { http: { expectStatus: 200 } }],
  });
  expect(parse(withHealth('{ box: none, command: [a] }')).health.box).toBe('none');
});

it('derives an id from the machine that does not give the machine id away', () => {
  const { deviceId } = parse(minimal);
  expect(deviceId).toMatch(/^m-[0-9a-f]{32}$/);
  expect(deviceId).not.toContain('0123456789abcdef');
  expect(parse(minimal).deviceId).toBe(deviceId);
  expect(() => parse(minimal, { ...machine, machineId: '' })).toThrow(code('usage'));
});

it('refuses an unknown key with its line and column', () => {
  expect(() => parse(`${minimal}pol: { intervalSeconds: 5 }\n`)).toThrow(/edge\.yaml:7:1: pol: unknown key/);
});

it.each([
  ['http://updates.example', false],
  ['http://updates.example', true],
  ['http://127.0.0.1:8080', false],
  ['http://127.0.0.1.example', true],
  ['http://localhost.example', true],
])('refuses plain HTTP to %s, development switch %s', (server, isAllowed) => {
  const text = minimal.replace('https://updates.example', server);
  expect(() => parse(`${text}developmentAllowHttp: ${isAllowed}\n`)).toThrow(code('transport-insecure'));
});

it.each([
  'http://127.0.0.1:8080',
  'http://localhost:1',
  'http://[::1]:1',
])('allows it to %s with the switch', (server) => {
  const text = minimal.replace('https://updates.example', server);
  expect(() => parse(`${text}developmentAllowHttp: true\n`)).not.toThrow();
});

it.each([
  ['two health probes', minimal.replace('health: {', 'health: { command: [/bin/true],')],
  ['no health probe at a process', withHealth('{}').replace(/service: .*/, 'service: {manager: exec, command: [x]}')],
  ['no health probe, and no look at the box', withHealth('{ box: none }')],
  ['a health probe beside a list of them', withHealth('{ command: [a], probes: [{command: [b]}] }')],
  ['a health probe of two kinds', withHealth('{ probes: [{command: [b], http: {url: "http://a"}}] }')],
  ['a namespace that is none', withHealth('{ box: {podsIn: [Shop]} }')],
  ['a relative state directory', `${minimal}stateDir: state\n`],
  ['a service of no known manager', minimal.replace('systemd', 'upstart')],
  ['a unit that is an option', minimal.replace('k3s.service', '--now k3s.service')],
])('refuses %s', (_, text) => {
  expect(() => parse(text)).toThrow(code('document-invalid'));
});

it.each([
  'distribution: microk8s',
  'role: master',
  'unit: --now',
  'dataDir: data',
  'datastore: mysql',
  'shape: round',
])('refuses a box with %s', (member) => {
  expect(() => parse(`${minimal}box: { ${member} }\n`)).toThrow(code('document-invalid'));
});

it('takes what is stated of a box, and states nothing by itself', () => {
  const box = { distribution: 'k0s', role: 'controller+worker', unit: 'k0scontroller.service', datastore: 'sqlite' };
  expect(parse(`${minimal}box: ${JSON.stringify(box)}\n`).box).toEqual(box);
  expect(parse(minimal).box).toBeUndefined();
});

it('names an architecture that nobody builds for', () => {
  expect(() => parse(minimal, { ...machine, arch: 'mips' })).toThrow(code('platform-mismatch'));
});

it('carries the version of package.json', () => {
  const file = path.join(import.meta.dirname, '..', '..', 'package.json');
  expect(updaterVersion).toBe(JSON.parse(readFileSync(file, 'utf8')).version);
});

it('requires nothing of where a release is from, unless it is told to', () => {
  expect(parse(minimal).require).toEqual({ provenance: [], sbom: false, upstream: false });
  const required = 'require: {provenance: [/etc/slipway/ci.pub.pem], sbom: true, upstream: true}\n';
  expect(parse(`${minimal}${required}`).require).toEqual({
    provenance: ['/etc/slipway/ci.pub.pem'],
    sbom: true,
    upstream: true,
  });
  for (const wrong of ['{provenance: [ci.pub.pem]}', '{sbom: maybe}', '{signature: true}']) {
    expect(() => parse(`${minimal}require: ${wrong}\n`)).toThrow(code('document-invalid'));
  }
});

it('refuses a label that only the box itself tells', () => {
  const label = 'labels: {box.slipway.io/secure-boot: "on"}\n';
  expect(() => parse(`${minimal}${label}`)).toThrow(/labels under box\.slipway\.io\/ are reserved/);
});
