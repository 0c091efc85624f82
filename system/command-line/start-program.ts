/**
 * Starts a program from the command that people type, where this Node can run it; loads nothing else before it knows.
 */
import { exitStatus } from '../../contract/exit-status.ts';
import { keepCompiled } from './compile-cache.ts';
import { whyNodeIsTooOld } from './node-version.ts';

/** A program as it lies beside its command: in the repository, and built. */
interface ProgramFiles {
  readonly source: string;
  readonly built: string;
}

/**
 * @param command `import.meta.url` of the command
 * @param prepare called before the program is loaded, by a Node that can run it
 */
export async function startProgram(
  name: string,
  command: string,
  { source, built }: ProgramFiles,
  prepare?: () => void,
): Promise<void> {
  const why = whyNodeIsTooOld(name, process.versions.node);
  if (why !== undefined) {
    process.stderr.write(`${why}\n`);
    process.exit(exitStatus.localResource);
  }
  prepare?.();
  const isBuilt = !command.endsWith('.ts');
  if (isBuilt) keepCompiled(process.env);
  await import(new URL(isBuilt ? built : source, command).href);
}
