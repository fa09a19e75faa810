// SPDX-License-Identifier: Apache-2.0
// elfy has no type declarations. These are for what the test uses.
declare module 'elfy' {
  interface Program {
    readonly type: string;
    readonly offset: number;
    readonly vaddr: number;
    readonly paddr: number;
    readonly filesz: number;
    readonly memsz: number;
  }
  const elfy: { parse(file: Buffer): { readonly body: { readonly programs: readonly Program[] } } };
  export default elfy;
}
