/**
 * Bounds how many connections a server takes: fewer than the process may open files, so that its database, its log and
 * the answers under way always find one. What comes beyond is closed at once, and idle connections make room.
 */
import type { Server } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { limits } from '../../contract/limits.ts';

/** A connection and the file or the store's connection that it is answered from. */
const descriptorsPerConnection = 2;
/** The database, Git, Kustomize, threads, and clients that are just being turned away. */
const reservedDescriptors = 256;
/** Where so few are allowed, a quarter is kept back. */
const fewDescriptors = 1024;
const tellIntervalMs = 10_000;

/** @param descriptors that the process may have open; undefined where nobody says */
export function connectionsFor(descriptors: number | undefined): number {
  if (descriptors === undefined) return limits.maxConnections;
  const reserved = Math.max(1, descriptors <= fewDescriptors ? Math.ceil(descriptors / 4) : reservedDescriptors);
  const connections = Math.floor((descriptors - reserved) / descriptorsPerConnection);
  return Math.min(limits.maxConnections, Math.max(1, connections));
}

/** Holds the bound of a server that listens or will. */
export function boundConnections(server: Server, max: number, logger: FastifyBaseLogger, clock: () => number): void {
  server.maxConnections = max;
  let dropped = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    server.closeIdleConnections();
    dropped++;
    if (clock() - toldAt < tellIntervalMs) return;
    toldAt = clock();
    logger.warn({ code: 'overloaded', dropped, max }, 'more connections than allowed; new ones are closed');
  });
  // Accepting may fail for a moment, as where the whole machine is out of descriptors; the server goes on.
  const tellFailure = (error: NodeJS.ErrnoException) => logger.error({ reason: error.code }, 'connection not accepted');
  server.once('listening', () => server.on('error', tellFailure));
}
