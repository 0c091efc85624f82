import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonSchemaOf, schemaFileName, schemaKinds } from '../../../distributor/declaration/schemas.ts';

const root = path.join(import.meta.dirname, '../../..');
const folder = path.join(root, 'contract/schemas');
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

describe('the published JSON Schemas', () => {
  it('are those that the programs parse by; npm run schemas writes them', () => {
    const files = [undefined, ...schemaKinds].map(schemaFileName);
    expect(readdirSync(folder).sort()).toEqual([...files].sort());
    for (const kind of [undefined, ...schemaKinds]) {
      expect(read(path.join(folder, schemaFileName(kind)))).toEqual(jsonSchemaOf(kind));
    }
  });

  it('describe what a person writes, not what it is turned into', () => {
    const { properties } = read(path.join(folder, 'rollout.schema.json')).properties.spec;
    expect(properties.deviceTimeout).toMatchObject({ type: 'string' });
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(['product', 'waves', 'windows', 'after', 'group']));
  });

  it('are named by the first line of each example, from where it stands', () => {
    const example = path.join(root, 'infra/rollouts/example');
    const named = readdirSync(example, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
      if (!name.endsWith('.yaml')) return [];
      const file = path.join(example, name);
      const reference = /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(file, 'utf8'))?.[1];
      return reference === undefined ? [] : [path.resolve(path.dirname(file), reference)];
    });
    expect(named.length).toBeGreaterThanOrEqual(4);
    expect(new Set(named)).toEqual(new Set([path.join(folder, 'declaration.schema.json')]));
  });
});
