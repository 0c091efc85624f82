/** Which commands of the machine are there for the tests to use. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** @returns undefined when every command is on the PATH, else a line that names those that are not */
export function missingCommands(...commands: readonly string[]): string | undefined {
  const absent = commands.filter((command) => !isOnPath(command));
  return absent.length === 0 ? undefined : `${absent.join(', ')} not installed`;
}

export function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
