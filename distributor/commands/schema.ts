/** `schema [Fleet|Group|Rollout]` writes JSON Schemas for editors, on stdout or as files. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Argument, Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { Kind } from '../declaration/read-documents.ts';
import { type JsonSchema, jsonSchemaOf, schemaFileName, schemaKinds } from '../declaration/schemas.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';

export function schemaCommand(line: CommandLine): Command {
  return new Command('schema')
    .description('print the JSON Schema of declarations, for editors')
    .addArgument(
      new Argument('[kind]', 'of one kind; without it, of files with documents of every kind').choices(schemaKinds),
    )
    .option('--out <folder>', 'write all of them as files instead')
    .addHelpText(
      'after',
      `${examples('schema Rollout', 'schema --out .schemas')}

In YAML, an editor with yaml-language-server takes the schema that a first line names:
  # yaml-language-server: $schema=.schemas/declaration.schema.json`,
    )
    .action(async (kind: Kind | undefined, { out }: { out?: string }) => {
      if (out === undefined) {
        const schema = jsonSchemaOf(kind);
        line.answer(schema, textOf(schema).trimEnd());
        return;
      }
      const files = [undefined, ...schemaKinds].map(schemaFileName);
      await writeAll(out);
      line.answer({ files }, files.map((file) => path.join(out, file)).join('\n'));
    });
}

async function writeAll(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const kind of [undefined, ...schemaKinds]) {
      await writeFile(path.join(folder, schemaFileName(kind)), textOf(jsonSchemaOf(kind)));
    }
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SlipwayError('io-error', `${folder} cannot be written: ${reason}`, { cause });
  }
}

function textOf(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
