/** `verify` checks every signature, digest and length of a store, a build or a bundle. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { readBuild } from '../release/build-folder.ts';
import type { Verified } from '../verify/findings.ts';
import { Repair, type RepairSource } from '../verify/repair.ts';
import { buildAsSource, bundleAsSource } from '../verify/repair-sources.ts';
import { verifyBuild } from '../verify/verify-build.ts';
import { verifyBundle } from '../verify/verify-bundle.ts';
import { verifyStore } from '../verify/verify-store.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { subjectOf } from './subject.ts';

interface VerifyOptions {
  readonly root?: string;
  readonly repair?: string;
}

export function registerVerify(program: Command, context: PackagerContext): void {
  program
    .command('verify')
    .description('Check every signature, digest and length, as a device does.')
    .argument('<what>', 'a build folder, a bundle, or the URL of a store')
    .option('--root <file>', 'the root that devices pin; without it the subject vouches for itself only')
    .option('--repair <from>', 'a build folder or a bundle: what the store lost or holds damaged is replaced from it')
    .addHelpText(
      'after',
      examples(
        'verify build',
        'verify k3s-edge.bundle --root root.json',
        'verify s3://releases/edge --root root.json',
        'verify s3://releases/edge --root root.json --repair k3s-edge.bundle',
      ),
    )
    .action(async (what: string, options: VerifyOptions) => {
      const { output } = context;
      const root = await readRoot(options.root);
      const say = (line: string) => output.say(line);
      const verified = await verifySubject(context, what, root, context.progress('verifying'), say, options.repair);
      if (verified.rootPinned === false) {
        output.say('warning: no --root was given; this shows that the subject agrees with itself, not who signed it');
      }
      for (const warning of verified.warnings ?? []) output.say(`warning: ${warning}`);
      output.answer(
        { ok: true, ...verified },
        [
          `${verified.what} is sound: ${verified.releases} releases, ${verified.blobs} blobs, ${verified.signatures} signed documents`,
          ...(verified.repaired ? [`${verified.repaired.length} objects repaired`] : []),
          ...(verified.expires === undefined ? [] : [`devices accept it until ${verified.expires}`]),
        ].join('\n'),
      );
    });
}

async function verifySubject(
  context: PackagerContext,
  what: string,
  root: Uint8Array | undefined,
  progress: Progress,
  say: (line: string) => void,
  repairFrom: string | undefined,
): Promise<Verified> {
  const subject = await subjectOf(what);
  if (subject.kind === 'store') {
    return withStore(context, subject.url, async (store) => {
      const repair = repairFrom === undefined ? undefined : new Repair(store, await sourceOf(repairFrom), say);
      return verifyStore(store, root, context.now(), progress, repair);
    });
  }
  if (repairFrom !== undefined) throw new SlipwayError('usage', '--repair is for stores; make a build or bundle again');
  if (subject.kind === 'bundle') return verifyBundle(subject.file, root, context.now(), progress);
  if (root) throw new SlipwayError('usage', 'a build is not signed yet, so there is nothing to check against --root');
  return verifyBuild(await readBuild(subject.folder), progress);
}

async function sourceOf(from: string): Promise<RepairSource> {
  const source = await subjectOf(from);
  if (source.kind === 'build') return buildAsSource(source.folder);
  if (source.kind === 'bundle') return bundleAsSource(source.file);
  throw new SlipwayError('usage', '--repair takes a build folder or a bundle, not a store');
}
