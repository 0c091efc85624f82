/** Prints where a release is from for people: what was compared with upstream, and the documents beside it. */
import type { Attachment } from '../../contract/release/attachment.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import type { UpstreamCheck } from '../../contract/release/upstream-check.ts';
import { sizeText } from '../../system/command-line/size.ts';

type Origin = Pick<ReleaseManifest, 'upstream' | 'attachments'>;

export function originLines({ upstream = [], attachments = [] }: Origin): string[] {
  return [
    ...upstream.map((check) => `upstream: ${checkText(check, attachments)}`),
    ...attachments.map(({ kind, name, mediaType, length }) => `${kind}: ${name}, ${mediaType}, ${sizeText(length)}`),
  ];
}

function checkText({ component, checksums, signature }: UpstreamCheck, attachments: readonly Attachment[]): string {
  const nameOf = (digest: string) => attachments.find(({ sha256 }) => sha256 === digest)?.name ?? digest;
  const list = checksums ? [`is ${checksums.name} of ${nameOf(checksums.document)}`] : [];
  if (!signature) return [component, ...list].join(' ');
  const who = 'key' in signature ? `key ${signature.key.slice(0, 12)}` : `${signature.identity} (${signature.issuer})`;
  const what = signature.signs === 'checksums' ? 'which' : 'and';
  const signed = list.length === 0 ? `is signed by ${who}` : `${what} is signed by ${who}`;
  return `${component} ${[...list, signed].join(', ')}`;
}
