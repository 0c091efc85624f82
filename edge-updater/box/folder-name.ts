/** One name for one folder, however many slashes somebody put behind it. */
export function trimmed(folder: string | undefined): string | undefined {
  return folder === undefined || folder === '/' ? folder : folder.replace(/\/+$/, '');
}
