/** Finds what the pages of this repository show as commands: fenced blocks under their headings, and commands in lines. */

export interface Block {
  /** The page and the heading that it stands under: `docs/publish.md / Sign again every day`. */
  readonly place: string;
  /** Empty where the fence names none. */
  readonly language: string;
  readonly text: string;
}

export function blocksOf(page: string, text: string): Block[] {
  const parts = text.matchAll(/^#+ (?<heading>.+)$|^```(?<language>\w*)\n(?<block>[\s\S]*?)^```$/gm);
  const blocks: Block[] = [];
  let place = page;
  for (const { groups: { heading, language = '', block = '' } = {} } of parts) {
    if (heading === undefined) blocks.push({ place, language, text: block });
    else place = `${page} / ${heading}`;
  }
  return blocks;
}

/** Places of blocks that are in neither list, and places in the lists that no block has. */
export function unaccountedFor(blocks: readonly Block[], listed: readonly string[]): string[] {
  const isOf = (place: string, entry: string) => place === entry || place.startsWith(`${entry} / `);
  return [
    ...blocks.filter(({ place }) => !listed.some((entry) => isOf(place, entry))).map(({ place }) => place),
    ...listed.filter((entry) => !blocks.some(({ place }) => isOf(place, entry))),
  ];
}

export interface InlineCommand {
  readonly program: string;
  /** The verb, and the one below it if there is one. */
  readonly verbs: readonly string[];
  readonly options: readonly string[];
}

/** Commands of our programs that stand in a sentence: `slipway-packager verify STORE --repair FROM`. */
export function inlineCommandsOf(text: string): InlineCommand[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/`(slipway-(?:packager|distributor|edge)) ([a-z][^`]*)`/g)].map(
    ([, program = '', rest = '']) => {
      const words = rest.split(/\s+/);
      const end = words.findIndex((word) => !/^[a-z]+(-[a-z]+)*$/.test(word));
      return {
        program,
        verbs: end < 0 ? words : words.slice(0, end),
        options: words.filter((word) => word.startsWith('--')),
      };
    },
  );
}
