/** Go as a tool of the corpus: builds the helper once, and programs with other sources on demand. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, fileDigest } from './cache.ts';

const sources = join(import.meta.dirname, 'shaping');

/** Runs the helper shape.go. */
export async function shape(...args: string[]): Promise<void> {
  const source = join(sources, 'shape.go');
  const tool = await cached(`tools/shape-${fileDigest(source).slice(0, 12)}`, (path) => build(source, path, {}));
  execFileSync(tool, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Builds stub.go with these files under data/, statically and stripped, as K3s is built. */
export function buildStub(path: string, data: Readonly<Record<string, string>>): void {
  build(join(sources, 'stub.go'), path, data);
}

function build(source: string, path: string, data: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-go-'));
  try {
    cpSync(source, join(folder, 'main.go'));
    writeFileSync(join(folder, 'go.mod'), 'module shaped\n\ngo 1.19\n');
    for (const [name, from] of Object.entries(data)) cpSync(from, join(folder, 'data', name));
    execFileSync('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-w -s', '-o', path, '.'], {
      cwd: folder,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } catch (cause) {
    throw new Error('cannot build with go: install Go (Debian: golang-go)', { cause });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
