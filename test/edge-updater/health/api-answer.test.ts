/** What a look at a box tells of an API server that answers no 200, by answers of the form that a kube-apiserver 1.20.2 gave. */
import { expect, it } from 'vitest';
import { objectionTo } from '../../../edge-updater/health/api-answer.ts';

const own = { server: '127.0.0.1:6443', isOwn: true, isBalanced: false };
const saw = (status: number, body: string) => objectionTo({ kind: 'answer', status, body }, 'api', '/readyz', own)?.saw;

it('names the checks that fail, which stand behind those that pass', () => {
  const body =
    '[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]a ok\n[-]poststarthook/b failed: reason withheld\nreadyz check failed\n';
  expect(saw(500, body)).toBe('/readyz answers 500: etcd, poststarthook/b failed');
  const starting = 'abcde'.replace(/./g, '[-]poststarthook/$& failed: reason withheld\n');
  expect(saw(500, starting)).toBe(
    '/readyz answers 500: poststarthook/a, poststarthook/b, poststarthook/c and 2 more failed',
  );
});

it('names the message of a Status, not the JSON around it', () => {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'nodes "box-1" not found',
  };
  expect(saw(404, `${JSON.stringify({ ...status, reason: 'NotFound', code: 404 })}\n`)).toBe(
    '/readyz answers 404: nodes "box-1" not found',
  );
});

it('names the first line of anything else, and nothing where there is none', () => {
  expect(saw(404, '404 page not found\nor so\n')).toBe('/readyz answers 404: 404 page not found');
  expect(saw(502, '{"kind":"Other","message":"x"}')).toBe('/readyz answers 502: {"kind":"Other","message":"x"}');
  expect(saw(503, '\n')).toBe('/readyz answers 503');
});

it('waits for a server elsewhere that has not read its roles yet, and for no other refusal', () => {
  const judged = (status: number, step: 'api' | 'node', isOwn: boolean) =>
    objectionTo({ kind: 'answer', status, body: '' }, step, '/readyz', { ...own, isOwn })?.outcome;
  expect([judged(403, 'api', false), judged(500, 'api', false), judged(503, 'node', false)]).toEqual(
    Array(3).fill('undecided'),
  );
  expect([judged(403, 'node', false), judged(401, 'api', false), judged(404, 'node', false)]).toEqual(
    Array(3).fill('failed'),
  );
  expect([judged(403, 'api', true), judged(500, 'api', true)]).toEqual(Array(2).fill('failed'));
});
