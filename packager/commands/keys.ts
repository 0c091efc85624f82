/**
 * `keys`: who signs for which role of a repository, and until when. A change is a file that goes from one signer to the
 * next: made by `renew`, `add`, `revoke`, `rotate` or `add-product`, shown and signed by `sign`, brought into force by
 * `publish`.
 */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { tableText } from '../../system/command-line/table.ts';
import { endingRoles, endingText, roleEndsOf } from '../../system/signing/ending-roles.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { type RoleStatus, roleStatuses } from '../repository/role-status.ts';
import { loadRepository } from '../repository/state.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { countOf, type StoreOptions, withRepositoryOptions } from './key-options.ts';
import { registerRequests } from './key-requests.ts';
import { registerPublishChange, registerSign } from './key-signing.ts';

export function registerKeys(program: Command, context: PackagerContext): void {
  const keys = program
    .command('keys')
    .description('Show and change who signs for the roles of a repository, and renew what ends.')
    .addHelpText(
      'after',
      examples(
        'keys status --store s3://releases/edge --fail-within-days 30',
        'keys renew root targets --store s3://releases/edge --out renew.json',
        'keys sign renew.json --key root-1.key.pem',
        'keys publish renew.json --store s3://releases/edge --key online.key.pem',
      ),
    );
  registerStatus(keys, context);
  registerRequests(keys, context);
  registerSign(keys, context);
  registerPublishChange(keys, context);
}

function registerStatus(keys: Command, context: PackagerContext): void {
  withRepositoryOptions(keys.command('status'))
    .description('Show each role: its keys, how many of them sign, and when its document ends.')
    .option('--fail-within-days <n>', 'fail with status 4 where a document ends within so many days: for cron')
    .addHelpText(
      'after',
      examples(
        'keys status --store file:///srv/slipway',
        'keys status --store s3://releases/edge --fail-within-days 30 --json',
      ),
    )
    .action(async ({ store, root, failWithinDays }: StoreOptions & { readonly failWithinDays?: string }) => {
      const limit = failWithinDays === undefined ? undefined : countOf('--fail-within-days', failWithinDays);
      const pinned = await readRoot(root);
      const state = await withStore(context, store, (opened) => loadRepository(opened, pinned));
      const roles = roleStatuses(state, context.now());
      const soon = endingRoles(roleEndsOf(state.documents), context.now());
      // Snapshot and timestamp live for days: a job signs them again.
      const ending = roles.filter(
        ({ role, document }) => limit !== undefined && document && document.daysLeft < (isOnline(role) ? 0 : limit),
      );
      if (ending.length > 0) throw endsSoon(ending);
      for (const role of soon) context.output.say(`warning: ${endingText(role)}`);
      context.output.answer({ roles: roles.map(viewOfRole), ending: soon }, tableText(heading, roles.map(rowOf)));
    });
}

const heading = ['ROLE', 'VERSION', 'ENDS', 'DAYS', 'SIGNED BY', 'KEYS'];
const isOnline = (role: string) => role === 'snapshot' || role === 'timestamp';

function rowOf({ role, document, threshold, keyIds, isDue }: RoleStatus): string[] {
  const days = document === undefined ? '-' : `${document.daysLeft}${isDue ? ' (due)' : ''}`;
  const signers = `${threshold} of ${keyIds.length}`;
  const ids = keyIds.map((id) => id.slice(0, 12)).join(' ');
  return [role, `${document?.version ?? '-'}`, document?.expires ?? '-', days, signers, ids];
}

function viewOfRole({ role, document, threshold, keyIds, isDue }: RoleStatus) {
  return { role, ...document, threshold, keyIds, due: isDue };
}

function endsSoon(ending: readonly RoleStatus[]): SlipwayError {
  const what = ending.map(({ role, document }) => `${role} at ${document?.expires}`).join(', ');
  return new SlipwayError('metadata-expired', `these roles end or have ended: ${what}`, {
    hint: 'Sign root and targets again: slipway-packager keys renew; a product, snapshot and timestamp: slipway-packager refresh.',
  });
}
