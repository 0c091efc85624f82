/**
 * Slipway's trust workflow behind the command line of the public TUF conformance suite, so that an outside judge can
 * run it. Keeps unversioned files (`root.json`, …) as the suite reads them; HTTP is for loopback only.
 *
 * Usage: client --metadata-dir D init ROOT
 *        client --metadata-dir D --metadata-url U refresh
 *        client --metadata-dir D --metadata-url U --target-name P… --target-base-url U --target-dir T download
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { refreshTrust, type TrustedRepository } from '../../contract/trust/trusted-set.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-dir': { type: 'string', default: '' },
    'metadata-url': { type: 'string', default: '' },
    'target-name': { type: 'string', multiple: true, default: [] },
    'target-base-url': { type: 'string', default: '' },
    'target-dir': { type: 'string', default: '' },
  },
});
const metadataDir = values['metadata-dir'];
const [command, rootFile] = positionals;

try {
  if (command === 'init' && rootFile) {
    mkdirSync(metadataDir, { recursive: true });
    writeFileSync(documentFile('root'), readFileSync(rootFile));
  } else if (command === 'refresh') {
    await refresh();
  } else if (command === 'download') {
    const trusted = await refresh();
    for (const name of values['target-name']) await download(trusted, name);
  } else {
    throw new Error(`unknown command ${command}`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function refresh(): Promise<TrustedRepository> {
  const known = new Map<string, Uint8Array>();
  for (const file of readdirSync(metadataDir)) {
    if (file.endsWith('.json'))
      known.set(decodeURIComponent(file.slice(0, -5)), readFileSync(path.join(metadataDir, file)));
  }
  return refreshTrust({
    known,
    // The suite moves this process's clock with libfaketime.
    now: new Date(),
    fetch: (name, maxBytes) => get(values['metadata-url'], name, maxBytes),
    onAccepted: (role, bytes) => writeFileSync(documentFile(role), bytes),
  });
}

async function download(trusted: TrustedRepository, name: string): Promise<void> {
  const target = await trusted.findTarget(name);
  if (!target) throw new Error(`no role names the target ${name}`);
  const file = path.join(values['target-dir'], encodeURIComponent(name));
  const fits = (bytes: Uint8Array) =>
    bytes.length === target.length &&
    Object.entries(target.hashes).every(([kind, hash]) => createHash(kind).update(bytes).digest('hex') === hash);
  if (existsSync(file) && fits(readFileSync(file))) return;
  const [hash] = Object.values(target.hashes);
  const { dir, base } = path.posix.parse(name);
  const stored = trusted.root.consistentSnapshot ? path.posix.join(dir, `${hash}.${base}`) : name;
  const bytes = await get(values['target-base-url'], stored, target.length);
  if (!bytes || !fits(bytes)) throw new Error(`${name} is not what was signed`);
  writeFileSync(file, bytes);
}

/** Undefined for 403 and 404; never reads more than one byte above the limit. */
async function get(base: string, name: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const url = new URL(name, base.endsWith('/') ? base : `${base}/`);
  if (url.protocol === 'http:' && !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
    throw new Error('plain HTTP is for loopback only');
  }
  const answer = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  if (answer.status === 403 || answer.status === 404) return undefined;
  if (!answer.ok || !answer.body) throw new Error(`${name}: HTTP ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function documentFile(role: string): string {
  return path.join(metadataDir, `${encodeURIComponent(role)}.json`);
}
