/**
 * Writes a list of any length on stdout as it comes, some at a time: a fleet fits neither into one string nor into
 * memory.
 */

interface LongOutput {
  readonly stdout: (text: string) => void;
  /** Resolves when the reader has taken most of what was written. */
  readonly taken?: () => Promise<unknown>;
}

const itemsAtOnce = 1000;

/** @param begin told before the first byte: what fails earlier has answered nothing */
export async function writeJsonList<T>(
  name: string,
  items: AsyncIterable<T>,
  { stdout, taken }: LongOutput,
  begin: () => void,
): Promise<void> {
  let opening = `{${JSON.stringify(name)}:[`;
  for await (const some of batches(items)) {
    begin();
    stdout(opening + some.map((item) => JSON.stringify(item)).join(','));
    opening = ',';
    await taken?.();
  }
  begin();
  stdout(`${opening === ',' ? '' : opening}]}\n`);
}

/** @param begin as above */
export async function writeLines(
  lines: AsyncIterable<string>,
  { stdout, taken }: LongOutput,
  begin: () => void,
): Promise<void> {
  for await (const some of batches(lines)) {
    begin();
    stdout(`${some.join('\n')}\n`);
    await taken?.();
  }
}

async function* batches<T>(items: AsyncIterable<T>): AsyncIterable<T[]> {
  let some: T[] = [];
  for await (const item of items) {
    if (some.push(item) < itemsAtOnce) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
