// SPDX-License-Identifier: Apache-2.0
// By hand: the Kaitai compiler writes no declarations.

export interface Word64 {
  readonly lo: number;
  readonly hi: number;
}

export declare class KdumpSubHeader {
  /** `stream`: a KaitaiStream. */
  constructor(stream: object);
  readonly physBase: Word64;
  readonly dumpLevel: number;
  readonly split: number;
  readonly startPfn: Word64;
  readonly endPfn: Word64;
  readonly offsetVmcoreinfo: Word64;
  readonly sizeVmcoreinfo: Word64;
  readonly offsetNote: Word64;
  readonly sizeNote: Word64;
  readonly offsetEraseinfo: Word64;
  readonly sizeEraseinfo: Word64;
  readonly startPfn64: Word64;
  readonly endPfn64: Word64;
  readonly maxMapnr64: Word64;
}
declare const module: { KdumpSubHeader: typeof KdumpSubHeader };
export default module;
