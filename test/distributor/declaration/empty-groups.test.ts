import { describe, expect, it } from 'vitest';
import { emptyGroups, type FleetDevice } from '../../../distributor/declaration/empty-groups.ts';
import { problemText } from '../../../distributor/declaration/problem.ts';
import { readDocuments } from '../../../distributor/declaration/read-documents.ts';

const group = (name: string, selector: string) =>
  `---\napiVersion: slipway/v1\nkind: Group\nmetadata: {name: ${name}}\nspec:\n  selector:\n    ${selector}\n`;
const rollout = (name: string, more: string, product = 'shop') =>
  `---\napiVersion: slipway/v1\nkind: Rollout\nmetadata: {name: ${name}}\nspec: {product: ${product}, release: 1.0.0, ${more}, waves: [{name: all, percent: 100}]}\n`;
const canary = rollout('first', 'group: canary');

const devices: FleetDevice[] = [
  ...['labb', 'labb', 'labb', 'plant'].map((site) => ({ product: 'shop', labels: { site, region: 'north' } })),
  { product: 'shop', labels: { site: 'port', region: 'south', tier: 'test' } },
  { product: 'pump', labels: { site: 'labb-typo', region: 'west' } },
];

function found(text: string, fleet = devices): string[] {
  const { documents, problems } = readDocuments({ name: 'plan.yaml', text });
  expect(problems).toEqual([]);
  return emptyGroups(documents, fleet).map(
    ({ problem, isNeeded }) => `${isNeeded ? 'needed' : 'not needed'} ${problemText(problem)}`,
  );
}

const ofShop = devices.filter(({ product }) => product === 'shop');

describe('groups that no device is in', () => {
  it('are none where each has a device', () => {
    expect(found(`${group('canary', 'matchLabels: {site: labb}')}${canary}${rollout('rest', 'priority: 1')}`)).toEqual(
      [],
    );
  });

  it('are told with the place of the condition that nobody fulfils, and the nearest value', () => {
    expect(found(`${group('canary', 'matchLabels: {region: north, site: labb-typo}')}${canary}`, ofShop)).toEqual([
      'needed plan.yaml:7:40: spec.selector.matchLabels.site: group canary: site=labb-typo matches no device; ' +
        'nearest is site=labb (3 devices) (Correct it; the fleet has site: labb, plant, port.)',
    ]);
  });

  it('are told by product, where devices of another product would be in them', () => {
    expect(found(`${group('canary', 'matchLabels: {site: labb-typo}')}${canary}`)).toEqual([
      expect.stringContaining(
        'group canary: site=labb-typo matches no device of shop; nearest is site=labb (3 devices)',
      ),
    ]);
  });

  it.each([
    [
      'a key that no device has, by the key that has the value',
      'matchLabels: {sites: port}',
      'group canary: sites=port matches no device; nearest is site=port (1 device) (Correct it; no device has sites.)',
    ],
    [
      'a key that no device has, by the key that is most like it',
      'matchExpressions: [{key: regoin, operator: Exists}]',
      'group canary: regoin Exists matches no device; nearest is the label region (5 devices)',
    ],
    [
      'the nearest of several values',
      'matchExpressions: [{key: site, operator: In, values: [harbour, prot]}]',
      'group canary: site In [harbour, prot] matches no device; nearest is site=port (1 device)',
    ],
    [
      'values that every device has',
      'matchExpressions: [{key: region, operator: NotIn, values: [north, south]}]',
      'group canary: region NotIn [north, south] matches no device: every one has region with such a value',
    ],
    [
      'conditions that hold alone, but for nobody together, and without which of them it had most',
      'matchLabels: {region: south, site: labb}',
      'group canary: no device fulfils all conditions together; without region=south it has 3 devices',
    ],
    [
      'conditions of which two are too much',
      'matchLabels: {region: south, site: labb, tier: test}',
      'group canary: no device fulfils all conditions together; without site=labb it has 1 device',
    ],
  ])('are told for %s', (_what, selector, expected) => {
    expect(found(`${group('canary', selector)}${canary}`, ofShop)).toEqual([expect.stringContaining(expected)]);
  });

  it('are told once for each condition that nobody fulfils', () => {
    const told = found(`${group('canary', 'matchLabels: {site: x, region: y}')}${canary}`, ofShop);
    expect(told.map((text) => text.split(' ')[1])).toEqual(['plan.yaml:7:25:', 'plan.yaml:7:36:']);
  });

  it('are needed by no rollout that may be empty, that is aborted, or that is none', () => {
    const empty = group('canary', 'matchLabels: {site: x}');
    for (const user of [
      rollout('r', 'group: canary, allowEmpty: true'),
      rollout('r', 'group: canary, aborted: true'),
      '',
    ]) {
      expect(found(`${empty}${user}`, ofShop)).toEqual([expect.stringMatching(/^not needed .*group canary/)]);
    }
    const both = `${empty}${rollout('r', 'group: canary, allowEmpty: true')}${canary}`;
    expect(found(both, ofShop)).toEqual([expect.stringMatching(/^needed /)]);
  });

  it('are no matter where no device has the product: the rollout is told of, with the nearest product', () => {
    const text = `${group('canary', 'matchLabels: {site: labb}')}${rollout('r', 'group: canary', 'shopp')}`;
    expect(found(text)).toEqual([
      'needed plan.yaml:12:17: spec.product: rollout r: no device has the product shopp; nearest is shop (5 devices) ' +
        '(Correct the product, or say allowEmpty: true where its devices come later.)',
    ]);
    expect(found(text, [])).toEqual([expect.stringContaining('no device has the product shopp (')]);
  });
});
