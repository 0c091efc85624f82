import { describe, expect, it } from 'vitest';
import { DocumentError } from '../../../contract/document.ts';
import { parseRollout } from '../../../distributor/rollout/declaration.ts';

const whole = `apiVersion: slipway/v1
kind: Rollout
metadata:
  name: k3s-1-33-9
spec:
  product: k3s-edge
  release: 1.33.9+k3s1
  waves:
    - name: canary
      percent: 2
      soak: 24h
    - name: all
      percent: 100
  priority: 5
`;

const problemsOf = (text: string) => {
  try {
    parseRollout(text, 'r.yaml');
    return [];
  } catch (error) {
    return error instanceof DocumentError ? error.problems : [];
  }
};

describe('a declared rollout', () => {
  it('has its defaults filled in and its durations in seconds', () => {
    expect(parseRollout(whole, 'r.yaml')).toEqual({
      name: 'k3s-1-33-9',
      product: 'k3s-edge',
      target: { release: '1.33.9+k3s1' },
      waves: [
        { name: 'canary', percent: 2, soakSeconds: 86_400 },
        { name: 'all', percent: 100, soakSeconds: 0 },
      ],
      gate: { successPercent: 95 },
      abort: { failurePercent: 5, minFailures: 3 },
      deviceTimeoutSeconds: 7200,
      paused: false,
      aborted: false,
      priority: 5,
    });
  });

  it('may follow a channel', () => {
    expect(parseRollout(whole.replace('release: 1.33.9+k3s1', 'channel: stable'), 'r.yaml').target).toEqual({
      channel: 'stable',
    });
  });

  it.each([
    ['an unknown key', whole.replace('priority', 'priorty'), 14, 3],
    ['a percentage above 100', whole.replace('percent: 100', 'percent: 101'), 13, 16],
    ['a percentage of 0', whole.replace('percent: 2', 'percent: 0'), 10, 16],
    ['waves that shrink', whole.replace('percent: 100', 'percent: 1'), 13, 16],
    ['two waves of one name', whole.replace('name: all', 'name: canary'), 12, 13],
    ['a soak that is no duration', whole.replace('24h', '24 hours'), 11, 13],
    ['neither release nor channel', whole.replace('  release: 1.33.9+k3s1\n', ''), 6, 3],
    ['release and channel', whole.replace('  release:', '  channel: stable\n  release:'), 6, 3],
    ['another kind', whole.replace('kind: Rollout', 'kind: Deployment'), 2, 7],
    ['broken YAML', `${whole}  waves: [`, 15, 3],
  ])('is refused with the place of %s', (_name, text, line, column) => {
    expect(problemsOf(text)[0]).toMatchObject({ line, column });
  });
});
