/**
 * Keeps what Node compiled of a program, so that its next start takes a quarter less. Only where nobody else can write:
 * whoever could would run as this user.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';

/**
 * @param environment CACHE_DIRECTORY as systemd gives it to a service (CacheDirectory=), else the cache of the user by
 *   XDG_CACHE_HOME or HOME (XDG Base Directory Specification); NODE_COMPILE_CACHE of Node itself comes first
 */
export function keepCompiled(environment: NodeJS.ProcessEnv): void {
  const { NODE_COMPILE_CACHE: own, CACHE_DIRECTORY: ofService, XDG_CACHE_HOME: xdg, HOME: home } = environment;
  const ofUser = xdg ?? (home === undefined ? undefined : path.join(home, '.cache'));
  const folder = ofService ?? (ofUser === undefined ? undefined : path.join(ofUser, 'slipway'));
  if (own !== undefined || folder === undefined || !path.isAbsolute(folder)) return;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    const isOurs = uid === process.getuid?.() && (mode & 0o022) === 0;
    // Not imported by name: a Node that is too old for it has to get as far as saying so.
    if (isOurs) module.enableCompileCache(folder);
  } catch {
    // A program without a cache starts all the same.
  }
}
