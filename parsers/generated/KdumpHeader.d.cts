// SPDX-License-Identifier: Apache-2.0
// By hand: the Kaitai compiler writes no declarations.

export interface NewUtsname {
  readonly sysname: Uint8Array;
  readonly nodename: Uint8Array;
  readonly release: Uint8Array;
  readonly version: Uint8Array;
  readonly machine: Uint8Array;
  readonly domainname: Uint8Array;
}

export declare class KdumpHeader {
  /** `stream`: a KaitaiStream. */
  constructor(stream: object);
  readonly headerVersion: number;
  readonly utsname: NewUtsname;
  readonly timestamp: Uint8Array;
  readonly status: number;
  readonly blockSize: number;
  readonly subHdrSize: number;
  readonly bitmapBlocks: number;
  readonly maxMapnr: number;
  readonly totalRamBlocks: number;
  readonly nrCpus: number;
}
declare const module: { KdumpHeader: typeof KdumpHeader };
export default module;
