/** Puts every verb of a device into its program. */
import type { Command } from 'commander';
import { addApply } from './apply.ts';
import { addCheckNow } from './check-now.ts';
import type { CommandContext } from './command-context.ts';
import { addInstall } from './install.ts';
import { addRollback } from './rollback.ts';
import { addRun } from './run.ts';
import { addStatus } from './status.ts';

export function addVerbs(program: Command, context: CommandContext): void {
  for (const add of [addRun, addCheckNow, addStatus, addInstall, addRollback, addApply]) add(program, context);
}
