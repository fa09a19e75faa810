// SPDX-License-Identifier: Apache-2.0

/*
 * LZO1X decoder, after the description of the stream format in Linux Documentation/staging/lzo.rst.
 * `state` is the number of literals that the last instruction copied (4: a run of 4 or more).
 */

const END_DISTANCE = 16384;
/** First byte of a block whose second byte is the version of the format. */
const VERSIONED = 17;
/** MIN_ZERO_RUN_LENGTH (lib/lzo/lzodefs.h). */
const SHORTEST_RUN = 4;

class LzoStream {
  #at = 0;
  #written = 0;
  #state = 0;
  readonly #output: Uint8Array;
  /** Whether runs of zeros have an instruction of their own (version 1 of the format, lzo-rle). */
  #hasRuns = false;

  constructor(
    readonly input: Uint8Array,
    size: number,
  ) {
    this.#output = new Uint8Array(size);
  }

  /** The same for a block that can have a version at its start. Null also for a version that is not known. */
  runVersioned(): Uint8Array | null {
    const { input } = this;
    if (input.length >= 5 && input[0] === VERSIONED) {
      if ((input[1] as number) > 1) return null;
      this.#hasRuns = input[1] === 1;
      this.#at = 2;
    }
    return this.run();
  }

  /** The decoded page; null if an instruction reaches outside input or output. */
  run(): Uint8Array | null {
    if (!this.#first()) return null;
    for (;;) {
      if (this.#at >= this.input.length) return null;
      const step = this.#instruction(this.#byte());
      if (step === 'bad') return null;
      if (step === 'end')
        return this.#at === this.input.length && this.#written === this.#output.length ? this.#output : null;
    }
  }

  /** A first byte above 17 is a run of literals, 17 fewer than its value. */
  #first(): boolean {
    const byte = this.input[this.#at] ?? 0;
    if (byte <= 17) return this.input.length > this.#at;
    this.#at++;
    this.#state = Math.min(byte - 17, 4);
    return this.#literals(byte - 17);
  }

  #instruction(code: number): 'on' | 'end' | 'bad' {
    if (code >= 16) return this.#match(code);
    if (this.#state === 0) {
      const length = 3 + this.#length(code, 15);
      this.#state = 4;
      return this.#literals(length) ? 'on' : 'bad';
    }
    const run = this.#state === 4;
    const distance = (this.#byte() << 2) + (code >> 2) + (run ? 2049 : 1);
    return this.#copy(distance, run ? 3 : 2, code & 3);
  }

  #match(code: number): 'on' | 'end' | 'bad' {
    if (code >= 128) return this.#copy((this.#byte() << 3) + ((code >> 2) & 7) + 1, 5 + ((code >> 5) & 3), code & 3);
    if (code >= 64) return this.#copy((this.#byte() << 3) + ((code >> 2) & 7) + 1, 3 + ((code >> 5) & 1), code & 3);
    if (code >= 32) {
      const length = 2 + this.#length(code & 31, 31);
      const pair = this.#pair();
      return this.#copy((pair >> 2) + 1, length, pair & 3);
    }
    if (this.#hasRuns && (code & 8) !== 0 && this.#isRun()) return this.#zeros(code & 7);
    const length = 2 + this.#length(code & 7, 7);
    const pair = this.#pair();
    const distance = END_DISTANCE + ((code & 8) << 11) + (pair >> 2);
    if (distance !== END_DISTANCE) return this.#copy(distance, length, pair & 3);
    return length === 3 && (pair & 3) === 0 ? 'end' : 'bad';
  }

  /** Whether the next two bytes are the largest distance, which marks a run of zeros. */
  #isRun(): boolean {
    const [low = 0, high = 0] = this.input.subarray(this.#at, this.#at + 2);
    return (low & 0xfc) === 0xfc && high === 0xff;
  }

  #zeros(lowest: number): 'on' | 'bad' {
    const pair = this.#pair();
    if (this.#at >= this.input.length) return 'bad';
    const length = this.#byte() * 8 + lowest + SHORTEST_RUN;
    if (this.#written + length > this.#output.length) return 'bad';
    // The output is zeros from the start.
    this.#written += length;
    this.#state = pair & 3;
    return this.#literals(pair & 3) ? 'on' : 'bad';
  }

  #copy(distance: number, length: number, literals: number): 'on' | 'bad' {
    let to = this.#written;
    if (distance > to || to + length > this.#output.length || this.#at > this.input.length) return 'bad';
    // A match may overlap its own output, so it is copied byte by byte.
    for (const end = to + length; to < end; to++) this.#output[to] = this.#output[to - distance] as number;
    this.#written = to;
    this.#state = literals;
    return this.#literals(literals) ? 'on' : 'bad';
  }

  #literals(length: number): boolean {
    const end = this.#at + length;
    if (end > this.input.length || this.#written + length > this.#output.length) return false;
    for (; this.#at < end; this.#at++) this.#output[this.#written++] = this.input[this.#at] as number;
    return true;
  }

  /** A length field of zero continues in the following bytes: 255 for each zero byte, then a byte that is not zero. */
  #length(field: number, base: number): number {
    if (field !== 0) return field;
    let length = base;
    while (this.#at < this.input.length && this.input[this.#at] === 0) {
      length += 255;
      this.#at++;
    }
    return length + this.#byte();
  }

  /** The next input byte; 0 past the end, where the next copy of literals or the test at the end rejects the page. */
  #byte(): number {
    return this.input[this.#at++] ?? 0;
  }

  #pair(): number {
    return this.#byte() | (this.#byte() << 8);
  }
}

/** Decodes a raw LZO1X block without a header, as lzo1x_1_compress writes it. */
export function decodeLzo(input: Uint8Array, size: number): Uint8Array | null {
  return new LzoStream(input, size).run();
}

/**
 * Decodes a block as the kernel's algorithms lzo and lzo-rle write it: in the latter, runs of zeros have an instruction of their
 * own (Linux commit 5ee4014af99f ("lib/lzo: implement run-length encoding") (in v5.1)).
 */
export function decodeKernelLzo(input: Uint8Array, size: number): Uint8Array | null {
  return new LzoStream(input, size).runVersioned();
}
