// SPDX-License-Identifier: Apache-2.0
// The log of kernels from 5.10 on: a ring of descriptors, and one of texts (kernel/printk/printk_ringbuffer.c).
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { type Memory, readOf } from '../../core/memory.js';
import type { RingLayout, TextField } from './layout.js';
import { CONTINUES, callerOf, type LogMessage, type Lost, levelOf, type Messages, textAt } from './message.js';

/** Larger rings are damage: log_buf_len is at most 2 GiB, with a descriptor for each 32 bytes (PRB_AVGBITS). */
const MOST_COUNT_BITS = 26;
const MOST_SIZE_BITS = 31;
/** The two upper bits of state_var are the state of a descriptor, the others the ID of its message. */
const ID_BITS = 62;
const COMMITTED = 1n;
const FINALIZED = 2n;
/** Bit in a position: the message has no text. */
const NO_TEXT = 1n;
/** Before each text is the ID of its message. */
const BYTES_OF_ID = 8;

/** The messages of the ring at an address, from the oldest on. Throws `DumpError` if the ring itself can't be read. */
export function* ringMessages(memory: Memory, address: bigint, at: RingLayout, lost: Lost): Messages {
  const ring = new Ring(memory, address, at);
  for (const id of ring.ids()) {
    try {
      const message = ring.message(id);
      if (message !== null) yield message;
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      lost(error.message);
    }
  }
}

class Ring {
  readonly #at: RingLayout;
  readonly #count: number;
  readonly #size: number;
  readonly #descs: LazyBytes;
  readonly #infos: LazyBytes;
  readonly #texts: LazyBytes;
  readonly #tail: bigint;
  readonly #head: bigint;

  constructor(memory: Memory, address: bigint, at: RingLayout) {
    const ring = readOf(memory, address, at.bytes, 'struct printk_ringbuffer');
    const [countBits, sizeBits] = [ring.u32(at.countBits), ring.u32(at.sizeBits)];
    if (countBits < 1 || countBits > MOST_COUNT_BITS)
      throw ring.error(at.countBits, `2^${countBits} descriptors can't be right`);
    if (sizeBits < 3 || sizeBits > MOST_SIZE_BITS)
      throw ring.error(at.sizeBits, `2^${sizeBits} bytes of text can't be right`);
    this.#at = at;
    [this.#count, this.#size] = [2 ** countBits, 2 ** sizeBits];
    const array = (pointer: number, length: number, what: string): LazyBytes =>
      LazyBytes.of(memory, ring.u64(pointer), length, what);
    this.#descs = array(at.descs, this.#count * at.desc.bytes, 'descriptors of the log');
    this.#infos = array(at.infos, this.#count * at.info.bytes, 'struct printk_info');
    this.#texts = array(at.data, this.#size, 'texts of the log');
    [this.#tail, this.#head] = [ring.u64(at.tailId), ring.u64(at.headId)];
  }

  /** The IDs from the tail to the head. Damage can't make them more than the descriptors. */
  *ids(): Generator<bigint> {
    const last = BigInt.asUintN(ID_BITS, this.#head);
    for (let id = BigInt.asUintN(ID_BITS, this.#tail), left = this.#count; left > 0; left--) {
      yield id;
      if (id === last) return;
      id = BigInt.asUintN(ID_BITS, id + 1n);
    }
  }

  /** A message by its ID; null if it is not complete, or is being overwritten. */
  message(id: bigint): LogMessage | null {
    const index = Number(id % BigInt(this.#count));
    const desc = index * this.#at.desc.bytes;
    const state = this.#descs.u64(desc + this.#at.desc.state);
    if (BigInt.asUintN(ID_BITS, state) !== id) return null;
    const status = state >> BigInt(ID_BITS);
    if (status !== COMMITTED && status !== FINALIZED) return null;
    const info = index * this.#at.info.bytes;
    const { seq, time, textLength, caller, subsystem, device } = this.#at.info;
    const flags = this.#infos.u8(info + textLength + 3);
    return {
      seq: Number(this.#infos.u64(info + seq)),
      time: this.#infos.u64(info + time),
      level: levelOf(flags),
      facility: this.#infos.u8(info + textLength + 2),
      ...callerOf(this.#infos.u32(info + caller)),
      subsystem: this.#name(info, subsystem),
      device: this.#name(info, device),
      text: this.#text(id, desc, this.#infos.u16(info + textLength)),
      continues: (flags & CONTINUES) !== 0,
    };
  }

  #name(info: number, { offset, size }: TextField): string | null {
    const text = this.#infos.text(info + offset, size);
    return text === '' ? null : text;
  }

  /** The text of a message; null if it has been overwritten. */
  #text(id: bigint, desc: number, length: number): string | null {
    const { begin, next } = this.#at.desc;
    const [from, to] = [this.#descs.u64(desc + begin), this.#descs.u64(desc + next)];
    if ((from & NO_TEXT) !== 0n) return (to & NO_TEXT) !== 0n ? '' : null;
    const size = BigInt(this.#size);
    // A text that would pass the end of the ring is at its start.
    const wraps = from / size !== to / size && to % size !== 0n;
    const start = wraps ? 0 : Number(from % size);
    const end = to % size === 0n ? this.#size : Number(to % size);
    if (start + BYTES_OF_ID > end || this.#texts.u64(start) !== id) return null;
    return textAt(this.#texts, start + BYTES_OF_ID, Math.min(length, end - start - BYTES_OF_ID));
  }
}
