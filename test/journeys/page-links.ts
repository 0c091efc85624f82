/** Finds links of a page that lead to no file or heading, and source files that it names and nobody has. */
import path from 'node:path';

/** @param read the text of a file, empty where it has no headings; undefined where it does not exist */
export function deadLinksOf(page: string, text: string, read: (file: string) => string | undefined): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link) && !leads(link))
    .map((link) => `${page}: ${link}`);

  function leads(link: string): boolean {
    const [file = '', anchor] = link.split('#');
    const there = file === '' ? text : read(path.join(path.dirname(page), file));
    return there !== undefined && (anchor === undefined || anchorsOf(there).includes(anchor));
  }
}

/** Source files in backticks, by their whole path or its end: `publish/plan.ts`. Placeholders as `x-reader.ts` are none. */
export function unknownFilesOf(page: string, text: string, files: readonly string[]): string[] {
  return [...text.matchAll(/`([\w./-]+\.ts)`/g)]
    .map(([, name = '']) => name)
    .filter(
      (name) => !/^([\w/-]+\/)?x[-.]/.test(name) && !files.some((file) => file === name || file.endsWith(`/${name}`)),
    )
    .map((name) => `${page}: ${name}`);
}

/** As GitHub and GitLab make them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\s-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
