/** A request for a change of keys as people and scripts are told of it: what changes, and whose signatures it has. */
import { type ChangeRequest, missingSignatures, signatureNeeds } from '../repository/change-request.ts';
import { describeChange } from '../repository/change-words.ts';
import type { PackagerContext } from './context.ts';

export function answerRequest({ output }: PackagerContext, file: string, request: ChangeRequest): void {
  const changes = describeChange(request);
  const signatures = signatureNeeds(request).map(({ document, by, authority, signed }) => ({
    ...{ document, by, threshold: authority.threshold, signedBy: signed },
    missing: authority.keyIDs.filter((id) => !signed.includes(id)),
  }));
  const isComplete = missingSignatures(request).length === 0;
  output.answer(
    { request: file, changes, signatures, complete: isComplete },
    [
      ...changes,
      ...signatures.map(({ document, by, threshold, signedBy, missing }) => {
        const whose = document === 'root' ? ` (keys of ${by === 'before' ? 'today' : 'afterwards'})` : '';
        const others = missing.map((id) => id.slice(0, 12)).join(', ');
        const rest = signedBy.length >= threshold ? '' : `; missing of ${others}`;
        return `${document}${whose}: ${signedBy.length} of ${threshold} signatures${rest}`;
      }),
      isComplete
        ? `${file} has its signatures: slipway-packager keys publish ${file}`
        : `send ${file} to the next signer`,
    ].join('\n'),
  );
}
