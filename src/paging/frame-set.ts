// SPDX-License-Identifier: Apache-2.0

/** Frames of a block of the set: one bit each in 512 bytes. */
const BLOCK = 4096;

/** A set of frame numbers. Memory is only taken near frames that are in the set. */
export class FrameSet {
  readonly #blocks = new Map<number, Uint32Array>();

  /** Adds a frame. Returns whether it was in the set before. */
  add(frame: number): boolean {
    const key = Math.floor(frame / BLOCK);
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = new Uint32Array(BLOCK / 32);
      this.#blocks.set(key, block);
    }
    const place = frame - key * BLOCK;
    const [word, bit] = [place >>> 5, 1 << (place & 31)];
    const was = ((block[word] as number) & bit) !== 0;
    block[word] = (block[word] as number) | bit;
    return was;
  }

  clear(): void {
    this.#blocks.clear();
  }
}
