/** Which commands of the machine are there for the tests to use. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** @returns undefined when every command is on the PATH, else a line that names those that are not */
export function missingCommands(...commands: readonly string[]): string | undefined {
  const absent = commands.filter((command) => !isOnPath(command));
  return absent.length === 0 ? undefined : `${absent.join(', ')} not installed`;
}

export function isOnPath(command: string): boolean {
  return commandPath(command) !== undefined;
}

/** Where a command of the PATH lies. */
export function commandPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, command)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
