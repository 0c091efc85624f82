/** Reads every page of a list, from a server or a state: each page names where the next one begins. */
export async function* allPages<P extends { readonly next?: string | undefined }>(
  read: (after: string | undefined) => Promise<P>,
): AsyncIterable<P> {
  for (let after: string | undefined; ; ) {
    const page = await read(after);
    yield page;
    if (page.next === undefined) return;
    after = page.next;
  }
}
