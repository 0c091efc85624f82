/**
 * Git over HTTP as a server really speaks it: `git http-backend` behind a small HTTP server on loopback, with
 * credentials, TLS and an off switch; and a work tree to push from.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface GitServerOptions {
  /** The values of Authorization that are let in; undefined lets everybody in. */
  readonly authorizations?: readonly string[];
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Of the names of objects: `sha1` unless told otherwise. */
  readonly objectFormat?: 'sha1' | 'sha256';
}

/** Serves the bare repositories of a folder; one is there: `fleet.git`. */
export class GitServer {
  readonly folder: string;
  readonly requests: { url: string; authorization: string | undefined }[] = [];
  readonly #options: GitServerOptions;
  #server: Server | undefined;
  #port = 0;
  #redirect: string | undefined;

  static async start(folder: string, options: GitServerOptions = {}): Promise<GitServer> {
    await mkdir(folder, { recursive: true });
    const bare = path.join(folder, 'fleet.git');
    await git(
      folder,
      'init',
      '--quiet',
      '--bare',
      '--initial-branch=main',
      `--object-format=${options.objectFormat ?? 'sha1'}`,
      bare,
    );
    await git(bare, 'config', 'http.receivepack', 'true');
    const server = new GitServer(folder, options);
    await server.up();
    return server;
  }

  private constructor(folder: string, options: GitServerOptions) {
    this.folder = folder;
    this.#options = options;
  }

  /** Of the repository, without credentials. */
  get url(): string {
    return `${this.#options.tls ? 'https://localhost' : 'http://127.0.0.1'}:${this.#port}/fleet.git`;
  }

  /** Of the same repository, by file. */
  get fileUrl(): string {
    return `file://${path.join(this.folder, 'fleet.git')}`;
  }

  /** Listens; on the port of before when it was down. */
  async up(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.#server = this.#options.tls ? createTlsServer(this.#options.tls, answer) : createServer(answer);
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    server?.close();
    if (server) await once(server, 'close');
  }

  /** Answers everything with a redirect from now on. */
  redirectTo(location: string): void {
    this.#redirect = location;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization } = request.headers;
    this.requests.push({ url: request.url ?? '', authorization });
    const { authorizations } = this.#options;
    if (this.#redirect !== undefined) {
      response.writeHead(302, { location: this.#redirect }).end();
      return;
    }
    if (authorizations !== undefined && !authorizations.includes(authorization ?? '')) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    await this.#cgi(request, response);
  }

  /** RFC 3875, as far as git-http-backend(1) uses it. */
  async #cgi(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://git');
    const child = spawn('git', ['http-backend'], {
      env: {
        ...isolated(),
        GIT_PROJECT_ROOT: this.folder,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        REMOTE_USER: 'someone',
        REMOTE_ADDR: '127.0.0.1',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => undefined);
    request.pipe(child.stdin);
    let head = Buffer.alloc(0);
    let isHeadDone = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (isHeadDone) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      isHeadDone = true;
      const fields = head.toString('latin1', 0, end).split('\r\n');
      for (const field of fields) {
        const [name = '', value = ''] = field.split(/: (.*)/s);
        if (name.toLowerCase() === 'status') response.statusCode = Number(value.slice(0, 3));
        else response.setHeader(name, value);
      }
      response.write(head.subarray(end + 4));
    });
    await once(child, 'close');
    response.end();
  }
}

/** Somebody's clone: what is written is committed and pushed by real `git push`. */
export class GitAuthor {
  readonly folder: string;
  readonly #url: string;

  static async open(folder: string, url: string, objectFormat: 'sha1' | 'sha256' = 'sha1'): Promise<GitAuthor> {
    await mkdir(folder, { recursive: true });
    await git(folder, 'init', '--quiet', '--initial-branch=main', `--object-format=${objectFormat}`);
    return new GitAuthor(folder, url);
  }

  private constructor(folder: string, url: string) {
    this.folder = folder;
    this.#url = url;
  }

  /** @returns the id of the commit */
  async push(subject: string, files: Readonly<Record<string, string | undefined>>, branch = 'main'): Promise<string> {
    for (const [name, text] of Object.entries(files)) await this.#put(name, text);
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', subject);
    await this.pushHead(branch);
    return this.head();
  }

  /** Pushes what was committed by `git`, forced when asked. */
  async pushHead(branch = 'main', ...options: string[]): Promise<void> {
    await this.git('push', '--quiet', ...options, this.#url, `HEAD:refs/heads/${branch}`);
  }

  async link(name: string, target: string): Promise<void> {
    await mkdir(path.dirname(path.join(this.folder, name)), { recursive: true });
    await symlink(target, path.join(this.folder, name));
  }

  async head(): Promise<string> {
    return (await this.git('rev-parse', 'HEAD')).trim();
  }

  git(...args: string[]): Promise<string> {
    return git(this.folder, ...args);
  }

  async #put(name: string, text: string | undefined): Promise<void> {
    const file = path.join(this.folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    if (text === undefined) await rm(file, { recursive: true });
    else await writeFile(file, text);
  }
}

async function git(folder: string, ...args: string[]): Promise<string> {
  return (await run('git', args, { cwd: folder, env: isolated(), encoding: 'utf8' })).stdout;
}

/** No configuration of whoever runs the tests. */
function isolated(): NodeJS.ProcessEnv {
  const who = { NAME: 'Ada Example', EMAIL: 'ada@example.com' };
  return {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: who.NAME,
    GIT_AUTHOR_EMAIL: who.EMAIL,
    GIT_COMMITTER_NAME: who.NAME,
    GIT_COMMITTER_EMAIL: who.EMAIL,
    GIT_TERMINAL_PROMPT: '0',
  };
}
