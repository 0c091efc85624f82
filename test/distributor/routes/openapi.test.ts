import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallFleet } from '../../fakes/small-fleet.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security: readonly object[];
  readonly responses: Record<string, { readonly description: string }>;
}

interface Document {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
}

let small: SmallFleet;
let document: Document;
beforeAll(async () => {
  small = await SmallFleet.open();
  document = (await small.ask('GET', '/openapi.json')).json();
});
afterAll(() => small[Symbol.asyncDispose]());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'head')
      .map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
  );

describe('/openapi.json', () => {
  it('is a valid OpenAPI document', async () => {
    const result = await new Validator().validate({ ...structuredClone(document) });
    expect(result).toMatchObject({ valid: true });
  });

  it('has every route of the application, and no other', () => {
    // A tree: the name of a route is that of its branch and of those it grows from. Wildcards are drawn as one.
    const found: string[] = [];
    const branch: string[] = [];
    for (const line of small.app.printRoutes({ commonPrefix: false }).split('\n')) {
      const [, indent = '', part = '', methods = ''] = /^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?/.exec(line) ?? [];
      branch.splice(indent.length / 4, branch.length, part);
      const path = branch.join('').replace(/:([A-Za-z]+)/g, '{$1}');
      for (const method of methods.split(', ')) {
        if (!['', 'HEAD'].includes(method) && path !== '*') found.push(`${method.toLowerCase()} ${path}`);
      }
    }
    const wildcards = ['get /v1/metadata/{*}', 'get /v1/targets/{*}'];
    expect(found.length).toBeGreaterThan(20);
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...found, ...wildcards].sort());
  });

  it('names, tags and sums up each operation, and says who may call it and how it fails', () => {
    const tags = document.tags.map(({ name }) => name);
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, path, operation } of operations()) {
      expect([name, operation.tags.every((tag) => tags.includes(tag)) && operation.tags.length]).toEqual([name, 1]);
      expect([name, operation.summary.length > 3]).toEqual([name, true]);
      expect([name, Array.isArray(operation.security)]).toEqual([name, true]);
      const statuses = Object.keys(operation.responses);
      if (operation.security.length > 0) expect(statuses).toEqual(expect.arrayContaining(['401', '403', '503']));
      if (path.includes('{')) expect(statuses).toContain('404');
      expect(Object.values(operation.responses).every(({ description }) => description.length > 0)).toBe(true);
    }
  });

  it('asks for a token wherever a token is needed', () => {
    const open = operations().filter(({ operation }) => operation.security.length === 0);
    expect(open.map(({ path }) => path).sort()).toEqual(['/healthz', '/metrics', '/openapi.json', '/readyz']);
    const maybe = operations().filter(({ operation }) => operation.security.some((way) => !('bearer' in way)));
    expect(maybe.every(({ operation }) => operation.tags.includes('artifacts'))).toBe(true);
  });

  it('describes failures as they are answered', async () => {
    const failure = (await small.ask('GET', '/v1/rollouts')).json();
    const { components } = document as unknown as {
      components: { schemas: { Failure: { required: string[]; properties: object } } };
    };
    const { required, properties } = components.schemas.Failure;
    expect(Object.keys(failure)).toEqual(expect.arrayContaining(required));
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(failure)));
  });
});
