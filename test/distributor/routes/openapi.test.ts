import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallFleet } from '../../fakes/small-fleet.ts';

type Content = Record<string, { readonly schema?: object }>;

interface Operation {
  operationId: string;
  readonly requestBody?: { readonly content: Content };
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security: readonly object[];
  readonly responses: Record<string, { readonly description: string; readonly content?: Content }>;
}

interface Document {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

interface Finding {
  readonly ruleId: string;
  readonly message: string;
}

/** What Redocly finds, warnings too, by the rules that it recommends. */
function lint(linted: Document): Finding[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-openapi-'));
  try {
    writeFileSync(path.join(folder, 'openapi.json'), JSON.stringify(linted));
    const words = ['lint', 'openapi.json', '--extends', 'recommended', '--format', 'json', '--max-problems', '1000'];
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    const { stdout } = spawnSync(process.execPath, [linter, ...words], { cwd: folder, env, encoding: 'utf8' });
    const { problems } = JSON.parse(stdout) as { problems: Finding[] };
    return problems.map(({ ruleId, message }) => ({ ruleId, message }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const linter = path.join(import.meta.dirname, '../../../node_modules/@redocly/cli/bin/cli.js');

const faults: readonly (readonly [(broken: Document) => void, string])[] = [
  [
    (broken) => Object.assign(broken.paths['/v1/rollouts']?.get ?? {}, { operationId: undefined }),
    'operation-operationId',
  ],
  [(broken) => Object.assign(broken.paths, { '/v1/x/{y}': broken.paths['/v1/rollouts'] }), 'path-parameters-defined'],
  [(broken) => Reflect.deleteProperty(broken.components.schemas, 'Failure'), 'no-unresolved-refs'],
];

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

  it('has nothing that a public linter finds wrong or weak', () => {
    expect(lint(document)).toEqual([]);
  });

  it('is caught when an operation has no name, a parameter no place, or a schema nothing to refer to', () => {
    for (const [fault, rule] of faults) {
      const broken = structuredClone(document);
      fault(broken);
      expect(lint(broken).map(({ ruleId }) => ruleId)).toContain(rule);
    }
  }, 60_000);

  it('names every schema that is sent or answered, and each operation by a verb', () => {
    const verbs =
      /^(abort|accept|apply|check|create|enrol|explain|follow|forget|get|head|identify|label|list|pause|promote|register|reject|reopen|resume|retry|revoke|send|sign)[A-Z]/;
    for (const { name, operation } of operations()) {
      expect([name, operation.operationId]).toEqual([name, expect.stringMatching(verbs)]);
      const { responses, requestBody } = operation;
      for (const { content } of [...Object.values(responses), requestBody ?? {}] as { content?: Content }[]) {
        const { schema } = content?.['application/json'] ?? {};
        if (schema !== undefined) expect([name, schema]).toEqual([name, { $ref: expect.any(String) }]);
      }
    }
    const names = Object.keys(document.components.schemas);
    expect(names).toEqual(expect.arrayContaining(['Device', 'Rollout', 'Token', 'TokenOrder', 'Failure']));
    expect(names.filter((name) => name.endsWith('Input'))).toEqual([]);
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
    const wildcards = ['get /v1/metadata/{path}', 'get /v1/targets/{path}'];
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
    expect(open.map(({ path }) => path).sort()).toEqual([
      ...['/healthz', '/metrics', '/openapi.json', '/readyz'],
      // Its request is signed.
      '/v1/devices/{id}/session',
      // Who asks where to sign in is nobody yet.
      '/v1/login',
    ]);
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
