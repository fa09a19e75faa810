// SPDX-License-Identifier: Apache-2.0
// kaitai-struct-compiler ships no types; this is the part that build-parsers.mjs uses.
declare module 'kaitai-struct-compiler' {
  const compiler: {
    /** `ksy` is the parsed YAML. Gives the text of each generated file by its name. */
    compile(language: string, ksy: unknown, importer: null, debug: boolean): Promise<Record<string, string>>;
  };
  export default compiler;
}
