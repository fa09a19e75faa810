// SPDX-License-Identifier: Apache-2.0
import { Bytes } from './bytes.js';
import { DumpError } from './errors.js';
import type { ByteSource } from './memory.js';

/** A byte array in memory, read as if it were a file. */
export class BytesSource implements ByteSource {
  readonly size: number;

  constructor(
    readonly name: string,
    readonly array: Uint8Array,
  ) {
    this.size = array.length;
  }

  read(offset: number, length: number, what: string): Bytes {
    if (offset < 0 || length < 0 || offset + length > this.size)
      throw new DumpError(`${what}: ${length} bytes are needed, but the data ends at 0x${this.size.toString(16)}`, {
        place: { source: this.name, offset },
      });
    return Bytes.of(this.array.subarray(offset, offset + length), { source: this.name, offset });
  }
}
