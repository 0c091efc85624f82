/** Puts every verb of a device into its program. */
import type { Command } from 'commander';
import { addAct } from './act.ts';
import { addAdopt, addUnadopt } from './adopt.ts';
import { addApply } from './apply.ts';
import { addCheckNow } from './check-now.ts';
import type { CommandContext } from './command-context.ts';
import { addInstall } from './install.ts';
import { addRecover } from './recover.ts';
import { addRollback } from './rollback.ts';
import { addRun } from './run.ts';
import { addStatus } from './status.ts';

export function addVerbs(program: Command, context: CommandContext): void {
  const verbs = [addRun, addCheckNow, addStatus, addInstall, addRollback, addAdopt, addUnadopt, addRecover];
  verbs.push(addAct, addApply);
  for (const add of verbs) add(program, context);
}
