/** Makes instances of the WebAssembly modules beside this file. Their memory and addresses have these types here. */

export interface ModuleMemory {
  /** Another one each time the memory grows; views of the one before are empty then. */
  readonly buffer: ArrayBuffer;
}

/** A place in the memory, in bytes from its start. */
export interface ModuleAddress {
  readonly value: number;
}

/** Functions that a module calls, by the name of the source that declares them. */
export type ModuleImports = Readonly<Record<string, Readonly<Record<string, (...numbers: number[]) => unknown>>>>;

/** The part of WebAssembly's JavaScript interface (W3C) that is used; TypeScript has it for browsers only. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: ModuleImports) => { readonly exports: unknown };
}

/** @param base64 the module's text in this folder */
export function instantiate<Exports>(base64: string, imports: ModuleImports): Exports {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
  return new Instance(new Module(Buffer.from(base64, 'base64')), imports).exports as Exports;
}
