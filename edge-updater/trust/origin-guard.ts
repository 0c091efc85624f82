/**
 * Guards a device against releases of unknown origin. What edge.yaml requires is asked of every release before its bytes
 * are moved: an SBOM, a comparison with upstream, a statement of provenance by a key of the owner. A release that lacks
 * it is refused here; nothing is said against it elsewhere.
 */
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Attachment } from '../../contract/release/attachment.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { lackingOrigin, type OriginRequirement, originOf } from '../../contract/release/origin.ts';
import { judgeStatement } from '../../contract/release/provenance.ts';
import type { PublicKey } from '../../system/signing/signing-key.ts';

export interface RequiredOrigin {
  readonly sbom: boolean;
  readonly upstream: boolean;
  /** One of them has to have signed the statement; none: no statement is asked for. */
  readonly provenance: readonly PublicKey[];
}

/** The bytes of an attachment, at most `maxBytes`; undefined where there are none. */
export type ReadAttached = (digest: Digest, maxBytes: number) => Promise<Uint8Array | undefined>;

interface Guarded {
  readonly manifest: ReleaseManifest;
  readonly manifestSha256: Digest;
}

export class OriginGuard {
  readonly #required: RequiredOrigin;
  /** A release that waits for its window is offered at each poll; its statement is fetched once. */
  #admitted: Digest | undefined;

  constructor(required: RequiredOrigin) {
    this.#required = required;
  }

  /** @throws SlipwayError `provenance-missing`, `provenance-invalid`, and what reading throws */
  async admit({ manifest, manifestSha256 }: Guarded, read: ReadAttached): Promise<void> {
    if (this.#admitted === manifestSha256) return;
    const { sbom, upstream, provenance } = this.#required;
    const asked = { sbom, upstream, provenance: provenance.length > 0 };
    const required = (Object.keys(asked) as OriginRequirement[]).filter((each) => asked[each]);
    const [lacking] = lackingOrigin(required, originOf(manifest));
    if (lacking) throw missing(manifest, lacking);
    if (asked.provenance) await this.#requireStatement(manifest, read);
    this.#admitted = manifestSha256;
  }

  /** One that holds suffices, whatever lies beside it. */
  async #requireStatement(manifest: ReleaseManifest, read: ReadAttached): Promise<void> {
    const statements = (manifest.attachments ?? []).filter(({ kind }) => kind === 'provenance');
    let refusal: SlipwayError | undefined;
    let failure: unknown;
    for (const attachment of statements) {
      try {
        refusal = await this.#refusalOf(attachment, manifest, read);
        if (!refusal) return;
      } catch (thrown) {
        // What cannot be fetched now may be the good one: its trouble goes before that of what is no statement.
        if (failure === undefined || isInvalid(failure)) failure = thrown;
      }
    }
    throw failure ?? refusal;
  }

  /** @throws SlipwayError `provenance-invalid` of what is no statement, and what reading throws */
  async #refusalOf(
    { name, length, sha256: expected }: Attachment,
    manifest: ReleaseManifest,
    read: ReadAttached,
  ): Promise<SlipwayError | undefined> {
    if (length > limits.maxStatementBytes) return invalid(`${name} has ${length} bytes`);
    const bytes = await read(expected, length);
    if (!bytes) {
      return new SlipwayError(
        'provenance-missing',
        `the statement of ${manifest.version} is not where its bytes come from`,
        {
          hint: 'Make the bundle with: slipway-packager bundle --attachments. Online: publish the release again.',
        },
      );
    }
    // Another document in its place, by a store or on the wire.
    if (sha256(bytes) !== expected) {
      return new SlipwayError('digest-mismatch', `${name}: expected sha256 ${expected}, found ${sha256(bytes)}`, {
        hint: 'Look for who changes bytes on the way; publish the release again if the store does.',
      });
    }
    const { signers, isAboutRelease } = judgeStatement(bytes, manifest, this.#required.provenance);
    // The signature first: nothing of a statement is believed before it holds.
    if (signers.length === 0) {
      return invalid(`the statement of ${manifest.version} is signed by no key under require.provenance`);
    }
    // A statement of another release, replayed with this one.
    if (!isAboutRelease) return invalid(`${name} does not name every component of ${manifest.version}`);
    return undefined;
  }
}

const words: Record<OriginRequirement, { readonly what: string; readonly option: string }> = {
  sbom: { what: 'an SBOM', option: '--sbom' },
  provenance: { what: 'a statement of provenance', option: '--provenance-key' },
  upstream: { what: 'a comparison with upstream', option: '--checksums or --cosign-bundle' },
};

function missing({ version }: ReleaseManifest, lacking: OriginRequirement): SlipwayError {
  const { what, option } = words[lacking];
  return new SlipwayError('provenance-missing', `this device requires ${what}, and ${version} has none`, {
    hint: `Build the release with ${option}, or change require in edge.yaml.`,
  });
}

function invalid(message: string): SlipwayError {
  return new SlipwayError('provenance-invalid', message, {
    hint: 'Build the release with a key that this device trusts, or correct require.provenance in edge.yaml.',
  });
}

function isInvalid(failure: unknown): boolean {
  return failure instanceof SlipwayError && failure.code === 'provenance-invalid';
}
