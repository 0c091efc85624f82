/** What tests know of PostgreSQL: what they start servers of their own from; see postgres-server.ts. */
import { inject } from 'vitest';
import type { Unavailable } from './s3.ts';

export interface PostgresService {
  /** Folder of initdb and postgres. */
  readonly programs: string;
  /** A folder that servers start from; see PostgresServer.prepare. */
  readonly prepared?: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: PostgresService | Unavailable;
  }
}

/** What servers of this run are made from, or why there are none; give `unavailable` to describeUnless. */
export function postgresService(): PostgresService | Unavailable {
  return inject('postgres');
}
