/** The smallest changes to a disk that a power cut can come between. */

export type DiskChange =
  | { readonly kind: 'make'; readonly file: string; readonly what: 'file' | 'folder'; readonly mode: number }
  | { readonly kind: 'link'; readonly file: string; readonly target: string }
  /** A second name. */
  | { readonly kind: 'name'; readonly from: string; readonly file: string }
  | { readonly kind: 'move'; readonly from: string; readonly file: string }
  /** One entry: a folder is empty by then. */
  | { readonly kind: 'drop'; readonly file: string }
  /** From here on `handle` is what lies there now, whatever its name becomes. */
  | { readonly kind: 'open'; readonly file: string; readonly handle: number }
  | { readonly kind: 'write'; readonly handle: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly handle: number; readonly length: number }
  | { readonly kind: 'mode'; readonly handle: number; readonly mode: number }
  | { readonly kind: 'flush'; readonly handle: number }
  /** What a program that is not watched has made of these trees. */
  | { readonly kind: 'others'; readonly trees: readonly SeenFile[] };

/** Folders come before what is in them. */
export type SeenFile =
  | { readonly kind: 'file'; readonly file: string; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: 'folder'; readonly file: string; readonly mode: number }
  | { readonly kind: 'link'; readonly file: string; readonly target: string };
