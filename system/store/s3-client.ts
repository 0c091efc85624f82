/**
 * Talks to S3 or a service like it, for every program: time-outs, retries, connections, proxies and checksums are
 * decided here. It asks for no checksums beyond those S3 requires: others than Amazon's implement no more. Credentials
 * come from the environment as the AWS SDK has it, and go to nobody but the service.
 */
import { S3Client } from '@aws-sdk/client-s3';
import { type Environment, noProxyRule, type ProxyRule, proxiesOfEnvironment } from '../network/proxy.ts';
import { AgentByRule } from './agent-by-rule.ts';
import { boundAnswers } from './s3-answer-bound.ts';
import type { StoreLocation } from './store-url.ts';

export interface S3Place {
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  /** Of the service, path-style; undefined for Amazon's own. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly proxies?: ProxyRule;
  readonly patience?: S3Patience;
}

/** How long a service may take. A test may be impatient. */
interface S3Patience {
  readonly connectMs: number;
  /** Without a byte in either direction; ends the attempt. */
  readonly idleMs: number;
  /** Of one request, where the service failed or did not answer. */
  readonly attempts: number;
}

/** A bucket and the connections to it. */
export interface S3Access {
  /** `s3://bucket/prefix`, without the address of the service. */
  readonly location: string;
  /** For what is short: lengths, metadata, manifests. Nobody who streams takes its connections away. */
  readonly questions: S3Client;
  /** For blobs. Slow readers hold a connection each for long: how many there may be is bounded where they ask. */
  readonly streams: S3Client;
  at(key: string): { Bucket: string; Key: string };
  close(): void;
}

const usualPatience: S3Patience = { connectMs: 5000, idleMs: 60_000, attempts: 3 };
const maxQuestions = 256;
const defaultRegion = 'us-east-1';

/** Where a URL leaves something open, the variables of the AWS SDK say it, and HTTPS_PROXY the way there. */
export function s3PlaceOf(location: Extract<StoreLocation, { kind: 's3' }>, environment: Environment): S3Place {
  return {
    bucket: location.bucket,
    prefix: location.prefix,
    endpoint: location.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL,
    region: location.region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? defaultRegion,
    proxies: proxiesOfEnvironment(environment),
  };
}

export function s3Access(place: S3Place): S3Access {
  const questions = clientOf(place, maxQuestions);
  const streams = clientOf(place, Number.POSITIVE_INFINITY);
  return {
    location: `s3://${place.bucket}/${place.prefix}`,
    questions,
    streams,
    at: (key) => ({ Bucket: place.bucket, Key: place.prefix + key }),
    close: () => {
      questions.destroy();
      streams.destroy();
    },
  };
}

function clientOf(
  { region, endpoint, proxies = noProxyRule, patience = usualPatience }: S3Place,
  maxSockets: number,
): S3Client {
  const agent = proxies.hasProxy ? new AgentByRule(proxies, { maxSockets }) : { maxSockets };
  const client = new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: patience.attempts,
    requestHandler: {
      connectionTimeout: patience.connectMs,
      socketTimeout: patience.idleMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  boundAnswers(client);
  return client;
}
