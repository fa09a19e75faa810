// SPDX-License-Identifier: Apache-2.0
// The log of kernels from 5.10 on: a ring of descriptors, and one of texts (kernel/printk/printk_ringbuffer.c).

import type { Bytes } from '../../core/bytes.js';
import { DumpError, orNull } from '../../core/errors.js';
import { LastPage } from '../../core/last-page.js';
import { isUnreadable, type Memory, readOf, unreadableError } from '../../core/memory.js';
import { CONTINUES, callerOf, type LogMessage, type Lost, levelOf, type Messages, NEWLINE, textAt } from './message.js';
import type { RingLayout, TextField } from './ring-layout.js';

/** Larger rings are damage: log_buf_len is at most 2 GiB, with a descriptor for each 32 bytes (PRB_AVGBITS). */
const MOST_COUNT_BITS = 26;
const MOST_SIZE_BITS = 31;
/** The two upper bits of state_var are the state of a descriptor, the others the ID of its message. */
const ID_BITS = 62;
const COMMITTED = 1n;
const FINALIZED = 2n;
/** Bit in a position: the message has no text, because it is empty (EMPTY_LINE_LPOS, first called NO_LPOS) or there was no room. */
const NO_TEXT = 1n;
const EMPTY = 3n;
/** Before each text is the ID of its message. */
const BYTES_OF_ID = 8;

/**
 * After this number of descriptors that can't be read, or that are those of other messages, the ring is given up: damaged sizes can
 * claim millions.
 */
const MOST_LOST = 10_000;

/** The messages of the ring at an address, from the oldest on. Throws `DumpError` if the ring itself can't be read. */
export function* ringMessages(memory: Memory, address: bigint, at: RingLayout, lost: Lost): Messages {
  const ring = new Ring(memory, address, at, lost);
  ring.checkEnds();
  let [wasOpen, left] = [false, MOST_LOST];
  for (const id of ring.ids()) {
    let message: RingMessage | 'other' | null = null;
    try {
      message = ring.message(id);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      lost(error.message);
      if (left-- === 0) return;
    }
    // The head is moved before its descriptor has its ID.
    if (message === 'other' && id !== ring.last) {
      lost('descriptors of the log have IDs of other messages');
      if (left-- === 0) return;
    }
    if (message === null || message === 'other') continue;
    const { isOpen, ...rest } = message;
    // Only a line without its end can be continued.
    yield { ...rest, continues: rest.continues && wasOpen };
    wasOpen = isOpen;
  }
}

/** A message, and whether its text does not end its line. */
interface RingMessage extends LogMessage {
  readonly isOpen: boolean;
}

class Ring {
  /** The memory, as it is read for descriptors, for struct printk_info, and for texts. */
  readonly #ofDescs: Memory;
  readonly #ofInfos: Memory;
  readonly #ofTexts: Memory;
  readonly #lost: Lost;
  readonly #at: RingLayout;
  /** The numbers of descriptors and of bytes of text are 2 to the power of these. */
  readonly #countBits: number;
  readonly #sizeBits: number;
  /** Addresses of the descriptors, of struct printk_info for each, and of the texts. */
  readonly #descs: bigint;
  readonly #infos: bigint;
  readonly #texts: bigint;
  readonly #tail: bigint;
  readonly #head: bigint;

  constructor(memory: Memory, address: bigint, at: RingLayout, lost: Lost) {
    const ring = readOf(memory, address, at.bytes, 'struct printk_ringbuffer');
    const [countBits, sizeBits] = [ring.u32(at.countBits), ring.u32(at.sizeBits)];
    if (countBits < 1 || countBits > MOST_COUNT_BITS)
      throw ring.error(at.countBits, `2^${countBits} descriptors can't be right`);
    if (sizeBits < 3 || sizeBits > MOST_SIZE_BITS)
      throw ring.error(at.sizeBits, `2^${sizeBits} bytes of text can't be right`);
    [this.#ofDescs, this.#ofInfos, this.#ofTexts] = [new LastPage(memory), new LastPage(memory), new LastPage(memory)];
    [this.#at, this.#lost] = [at, lost];
    [this.#countBits, this.#sizeBits] = [countBits, sizeBits];
    [this.#descs, this.#infos, this.#texts] = [ring.u64(at.descs), ring.u64(at.infos), ring.u64(at.data)];
    [this.#tail, this.#head] = [ring.u64(at.tailId), ring.u64(at.headId)];
  }

  /** The ID of the head. */
  get last(): bigint {
    return BigInt.asUintN(ID_BITS, this.#head);
  }

  /** The IDs from the tail to the head. Damage can't make them more than the descriptors. */
  *ids(): Generator<bigint> {
    const { last } = this;
    for (let id = BigInt.asUintN(ID_BITS, this.#tail), left = 2 ** this.#countBits; left > 0; left--) {
      yield id;
      if (id === last) return;
      id = BigInt.asUintN(ID_BITS, id + 1n);
    }
  }

  /**
   * Reports messages before the oldest one and after the newest one: the kernel makes a descriptor reusable before it moves the
   * tail, and moves the head before it gives a descriptor its ID.
   */
  checkEnds(): void {
    const [before, after] = [this.#tail - 1n, this.#head + 1n].map((id) => BigInt.asUintN(ID_BITS, id));
    for (const [id, where] of [
      [before as bigint, 'before its oldest one'],
      [after as bigint, 'after its newest one'],
    ] as const) {
      const state = orNull(() => this.#descriptor(this.#indexOf(id)).u64(this.#at.desc.state));
      if (state !== null && BigInt.asUintN(ID_BITS, state) === id && isComplete(state))
        this.#lost(`the log has messages ${where}`);
    }
  }

  /** The place of a message in the rings of descriptors and of struct printk_info. */
  #indexOf(id: bigint): number {
    return Number(BigInt.asUintN(this.#countBits, id));
  }

  #descriptor(index: number): Bytes {
    const { bytes } = this.#at.desc;
    return readOf(this.#ofDescs, this.#descs + BigInt(index * bytes), bytes, 'a descriptor of the log');
  }

  /** A message by its ID; null if it is not complete, `other` if its descriptor is that of another message. */
  message(id: bigint): RingMessage | 'other' | null {
    const { desc: at, info: inInfo } = this.#at;
    const index = this.#indexOf(id);
    const desc = this.#descriptor(index);
    const state = desc.u64(at.state);
    if (BigInt.asUintN(ID_BITS, state) !== id) return 'other';
    if (!isComplete(state)) return null;
    const start = this.#infos + BigInt(index * inInfo.bytes);
    const info = readOf(this.#ofInfos, start, inInfo.bytes, 'struct printk_info');
    const { seq, time, textLength, caller, subsystem, device } = inInfo;
    const flags = info.u8(textLength + 3);
    const number = info.u64(seq);
    // prb_reserve counts the number up by the descriptors of the ring, beginning with the place of the descriptor.
    if (this.#indexOf(number) !== index)
      throw info.error(
        seq,
        `a message of the log can't have the number ${number}: its descriptor is the one at ${index}`,
      );
    return {
      seq: Number(number),
      time: info.u64(time),
      level: levelOf(flags),
      facility: info.u8(textLength + 2),
      ...callerOf(info.u32(caller)),
      subsystem: nameIn(info, subsystem),
      device: nameIn(info, device),
      text: this.#text(id, desc, info.u16(textLength)),
      continues: (flags & CONTINUES) !== 0,
      isOpen: (flags & NEWLINE) === 0,
    };
  }

  /** The text of a message; null if the ring has none of it. */
  #text(id: bigint, desc: Bytes, length: number): string | null {
    const { begin, next } = this.#at.desc;
    const [from, to] = [desc.u64(begin), desc.u64(next)];
    if ((from & NO_TEXT) !== 0n) return from === EMPTY && to === EMPTY ? '' : null;
    const bits = this.#sizeBits;
    const [place, end] = [Number(BigInt.asUintN(bits, from)), Number(BigInt.asUintN(bits, to))];
    // A text that would pass the end of the ring is at its start.
    const start = end !== 0 && from >> BigInt(bits) !== to >> BigInt(bits) ? 0 : place;
    const bytes = (end === 0 ? 2 ** bits : end) - start;
    if (bytes < BYTES_OF_ID) return null;
    const wanted = Math.min(bytes, BYTES_OF_ID + length);
    const block = this.#ofTexts.read(this.#texts + BigInt(start), wanted);
    if (isUnreadable(block)) {
      this.#lost(unreadableError(block, this.#texts + BigInt(start), 'a text of the log').message);
      return null;
    }
    return block.u64(0) === id ? textAt(block, BYTES_OF_ID, wanted - BYTES_OF_ID) : null;
  }
}

/** Whether the message of a descriptor is complete, by its state. */
function isComplete(state: bigint): boolean {
  const status = state >> BigInt(ID_BITS);
  return status === COMMITTED || status === FINALIZED;
}

/** A name in a record; null if it is empty. */
function nameIn(info: Bytes, { offset, size }: TextField): string | null {
  return size === 0 || info.u8(offset) === 0 ? null : info.text(offset, size);
}
