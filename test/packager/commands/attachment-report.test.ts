/** A statement beside a release is reported for itself: one that is malformed spoils none of the others. */
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { type Attachment, attachmentMediaTypes } from '../../../contract/release/attachment.ts';
import { signedStatement } from '../../../packager/attachments/signed-statement.ts';
import { describeAttachments } from '../../../packager/commands/attachment-report.ts';
import { newSigningKey, smallRelease } from '../../fakes/signed-repository.ts';

const builder = newSigningKey();
const release = smallRelease('1.0.0', 1);
const good = signedStatement(release, '0'.repeat(64), { keys: [builder], builderId: 'https://ci.example.com/slipway' });
const malformed = Buffer.from('{"signed": true}');
const noJson = Buffer.from('no JSON');

/** Of a release with these statements, named by their places. */
function reportOn(...statements: readonly Uint8Array[]) {
  const attachments = statements.map((bytes, index): Attachment => {
    const mediaType = attachmentMediaTypes.provenance;
    return { kind: 'provenance', name: `${index}`, mediaType, length: bytes.length, sha256: sha256(bytes) };
  });
  const read = async ({ name }: Attachment) => statements[Number(name)];
  return describeAttachments({ ...release, attachments }, read, [builder]);
}

describe('a report on the statements of a release', () => {
  it.each([
    [[malformed, good, noJson], 1, [0, 2]],
    [[good, malformed], 0, [1]],
  ] as const)('shows the one that can be read, and warns of the others', async (statements, readable, others) => {
    const { provenance, malformedStatements, lines } = await reportOn(...statements);
    expect(provenance).toMatchObject([{ name: `${readable}`, isAboutRelease: true, signedBy: [builder.keyId] }]);
    expect(malformedStatements.map(({ name }) => name)).toEqual(others.map(String));
    expect(lines).toContain(`${readable}: signed by ${builder.keyId.slice(0, 12)}`);
    const warnings = lines.filter((line) => line.startsWith('warning: '));
    expect(warnings).toEqual(
      others.map((name) => expect.stringMatching(`${name} is passed over: the statement is in no`)),
    );
  });

  it('is a failure where none can be read', async () => {
    await expect(reportOn(malformed, noJson)).rejects.toMatchObject({ code: 'provenance-invalid' });
  });
});
