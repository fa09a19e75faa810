// SPDX-License-Identifier: Apache-2.0
// By hand: the Kaitai compiler writes no declarations.

export interface Word64 {
  readonly lo: number;
  readonly hi: number;
}

export declare class Elf64Core {
  /** `stream`: a KaitaiStream. */
  constructor(stream: object);
  readonly eiClass: number;
  readonly eiData: number;
  readonly eType: number;
  readonly eMachine: number;
  readonly eVersion: number;
  readonly ePhoff: Word64;
  readonly eShoff: Word64;
  readonly eFlags: number;
  readonly eEhsize: number;
  readonly ePhentsize: number;
  readonly ePhnum: number;
  readonly eShentsize: number;
  readonly eShnum: number;
  readonly eShstrndx: number;
}
declare const module: { Elf64Core: typeof Elf64Core };
export default module;
