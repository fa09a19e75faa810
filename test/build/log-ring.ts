// SPDX-License-Identifier: Apache-2.0
// The log of 5.10 and later as the kernel fills it (kernel/printk/printk_ringbuffer.c), in memory that is one buffer.
import type { Host } from '../../src/kernel/host.js';
import { VmCoreInfo } from '../../src/notes/vmcoreinfo.js';
import { FlatMemory } from './flat-memory.js';

/** Offsets that no kernel has, so that none is right by chance. */
const AT = {
  ring: { bytes: 120, descRing: 8, textRing: 72 },
  descRing: { count: 0, descs: 8, infos: 24, head: 32, tail: 40 },
  dataRing: { size: 4, data: 16 },
  desc: { bytes: 32, state: 8, block: 16, begin: 0, next: 8 },
  info: { bytes: 104, seq: 8, time: 16, textLength: 24, caller: 32, device: 40, subsystem: 0, name: 16 },
} as const;

/** The lines of VMCOREINFO. */
const TEXT = `OSRELEASE=5.10.0
SIZE(printk_ringbuffer)=${AT.ring.bytes}
OFFSET(printk_ringbuffer.desc_ring)=${AT.ring.descRing}
OFFSET(printk_ringbuffer.text_data_ring)=${AT.ring.textRing}
OFFSET(prb_desc_ring.count_bits)=${AT.descRing.count}
OFFSET(prb_desc_ring.descs)=${AT.descRing.descs}
OFFSET(prb_desc_ring.infos)=${AT.descRing.infos}
OFFSET(prb_desc_ring.head_id)=${AT.descRing.head}
OFFSET(prb_desc_ring.tail_id)=${AT.descRing.tail}
SIZE(prb_desc)=${AT.desc.bytes}
OFFSET(prb_desc.state_var)=${AT.desc.state}
OFFSET(prb_desc.text_blk_lpos)=${AT.desc.block}
OFFSET(prb_data_blk_lpos.begin)=${AT.desc.begin}
OFFSET(prb_data_blk_lpos.next)=${AT.desc.next}
OFFSET(prb_data_ring.size_bits)=${AT.dataRing.size}
OFFSET(prb_data_ring.data)=${AT.dataRing.data}
SIZE(printk_info)=${AT.info.bytes}
OFFSET(printk_info.seq)=${AT.info.seq}
OFFSET(printk_info.ts_nsec)=${AT.info.time}
OFFSET(printk_info.text_len)=${AT.info.textLength}
OFFSET(printk_info.caller_id)=${AT.info.caller}
OFFSET(printk_info.dev_info)=${AT.info.device}
OFFSET(dev_printk_info.subsystem)=${AT.info.subsystem}
OFFSET(dev_printk_info.device)=${AT.info.name}
LENGTH(printk_info_subsystem)=16
LENGTH(printk_info_device)=48
`;

export const STATES = { reserved: 0n, committed: 1n, finalized: 2n, reusable: 3n } as const;

export interface Wish {
  readonly state?: keyof typeof STATES;
  readonly time?: bigint;
  readonly level?: number;
  readonly facility?: number;
  readonly flags?: number;
  readonly caller?: number;
  readonly subsystem?: string;
  readonly device?: string;
  /** There was no room for the text (FAILED_LPOS). */
  readonly failed?: boolean;
}

/** Flags of a record: the text ends its line, or continues one. */
export const NEWLINE = 2;
export const CONT = 8;

const MASK = 2n ** 62n - 1n;

export class LogRing {
  readonly memory: FlatMemory;
  readonly ring: bigint;
  readonly descs: bigint;
  readonly infos: bigint;
  readonly texts: bigint;
  readonly #count: bigint;
  readonly #size: bigint;
  #head: bigint;
  #tail: bigint;
  #headPos = 0n;
  #seq = 0n;
  /** The texts of the messages that the ring still has, by ID. */
  readonly kept = new Map<bigint, string>();
  /** The messages whose texts are in the ring, from the oldest on. */
  readonly #held: { id: bigint; begin: bigint }[] = [];
  /** Addresses in VMCOREINFO. */
  info: VmCoreInfo;

  /** `fits`: since 6.19, a text that ends with the ring is not moved to its start. `first`: the ID before the first one. */
  constructor(
    readonly countBits: number,
    readonly sizeBits: number,
    readonly fits = false,
    first = 2n ** BigInt(countBits) - 1n,
  ) {
    [this.#count, this.#size] = [2n ** BigInt(countBits), 2n ** BigInt(sizeBits)];
    const [count, size] = [Number(this.#count), Number(this.#size)];
    this.memory = new FlatMemory(0x10000 + count * (AT.desc.bytes + AT.info.bytes) + size);
    this.ring = this.memory.allocate(AT.ring.bytes);
    this.descs = this.memory.allocate(count * AT.desc.bytes);
    this.infos = this.memory.allocate(count * AT.info.bytes);
    this.texts = this.memory.allocate(size);
    const prb = this.memory.allocate(8);
    this.u64(prb, 0, this.ring);
    this.info = new VmCoreInfo(`${TEXT}SYMBOL(prb)=${prb.toString(16)}\n`);
    const { descRing, textRing } = AT.ring;
    this.u32(this.ring, descRing + AT.descRing.count, countBits);
    this.u64(this.ring, descRing + AT.descRing.descs, this.descs);
    this.u64(this.ring, descRing + AT.descRing.infos, this.infos);
    this.u32(this.ring, textRing + AT.dataRing.size, sizeBits);
    this.u64(this.ring, textRing + AT.dataRing.data, this.texts);
    // The last descriptor is the first tail; its state is reusable.
    this.#head = this.#tail = first & MASK;
    this.#seq = ((first + 1n) & MASK) % this.#count;
    this.#state(first & MASK, 'reusable');
    this.#ends();
  }

  /** What is read of a host. Its types describe nothing. */
  get host(): Host {
    const types = { source: 'nothing', sizeOf: () => null, member: () => null, enumerators: () => null };
    const symbols = { get: () => undefined };
    return { memory: this.memory, info: this.info, types, symbols, release: '5.10.0' } as unknown as Host;
  }

  u64(address: bigint, offset: number, value: bigint): void {
    this.memory.bytes.writeBigUInt64LE(value, this.memory.offsetOf(address) + offset);
  }

  u32(address: bigint, offset: number, value: number): void {
    this.memory.bytes.writeUInt32LE(value, this.memory.offsetOf(address) + offset);
  }

  descAt = (id: bigint): bigint => this.descs + (id % this.#count) * BigInt(AT.desc.bytes);
  infoAt = (id: bigint): bigint => this.infos + (id % this.#count) * BigInt(AT.info.bytes);

  /** Writes the position of a text. */
  place(id: bigint, begin: bigint, next: bigint): void {
    this.u64(this.descAt(id), AT.desc.block + AT.desc.begin, begin);
    this.u64(this.descAt(id), AT.desc.block + AT.desc.next, next);
  }

  setHead(id: bigint): void {
    this.#head = id & MASK;
    this.#ends();
  }

  setTail(id: bigint): void {
    this.#tail = id & MASK;
    this.#ends();
  }

  /** Writes a member of the ring that may be damaged. */
  damage(what: 'count' | 'size' | 'descs' | 'infos' | 'data', value: bigint): void {
    const { descRing, textRing } = AT.ring;
    if (what === 'count') this.u32(this.ring, descRing + AT.descRing.count, Number(value));
    else if (what === 'size') this.u32(this.ring, textRing + AT.dataRing.size, Number(value));
    else this.u64(this.ring, what === 'data' ? textRing + AT.dataRing.data : descRing + AT.descRing[what], value);
  }

  /** Adds a message, which makes the oldest ones give way. Returns its ID. */
  add(bytes: string | Buffer, wish: Wish = {}): bigint {
    const text = Buffer.from(bytes);
    const id = (this.#head + 1n) & MASK;
    if (((id - this.#tail) & MASK) >= this.#count) {
      this.#pushData(this.#tail);
      this.#tail = (this.#tail + 1n) & MASK;
    }
    this.#head = id;
    this.#state(id, 'reserved');
    const at = this.infoAt(id);
    const info = this.memory.offsetOf(at);
    this.memory.bytes.fill(0, info, info + AT.info.bytes);
    this.u64(at, AT.info.seq, this.#seq++);
    this.u64(at, AT.info.time, wish.time ?? 0n);
    this.memory.bytes.writeUInt16LE(text.length, info + AT.info.textLength);
    this.memory.bytes[info + AT.info.textLength + 2] = wish.facility ?? 0;
    this.memory.bytes[info + AT.info.textLength + 3] = ((wish.level ?? 6) << 5) | (wish.flags ?? NEWLINE);
    this.u32(at, AT.info.caller, wish.caller ?? 0);
    this.memory.bytes.write(wish.subsystem ?? '', info + AT.info.device + AT.info.subsystem, 'latin1');
    this.memory.bytes.write(wish.device ?? '', info + AT.info.device + AT.info.name, 'latin1');
    if (wish.failed === true) this.place(id, 1n, 1n);
    else if (text.length === 0) this.place(id, 3n, 3n);
    else this.#store(id, text);
    this.#state(id, wish.state ?? 'finalized');
    this.kept.set(id, text.toString());
    this.#ends();
    return id;
  }

  #store(id: bigint, text: Buffer): void {
    const bytes = BigInt(Math.ceil((8 + text.length) / 8) * 8);
    const begin = this.#headPos;
    let next = begin + bytes;
    const last = this.fits ? next - 1n : next;
    const wraps = begin / this.#size !== last / this.#size;
    if (wraps) next = (next / this.#size) * this.#size + bytes;
    // What the text will overwrite must be free.
    for (let oldest = this.#held[0]; oldest !== undefined && oldest.begin < next - this.#size; oldest = this.#held[0])
      this.#pushData(oldest.id);
    const place = this.texts + (wraps ? 0n : begin % this.#size);
    if (wraps && begin % this.#size <= this.#size - 8n) this.u64(this.texts + (begin % this.#size), 0, id);
    this.u64(place, 0, id);
    text.copy(this.memory.bytes, this.memory.offsetOf(place) + 8);
    this.place(id, begin, next);
    this.#held.push({ id, begin });
    this.#headPos = next;
  }

  /** Lets a message give way, and those with older texts. */
  #pushData(id: bigint): void {
    this.#state(id, 'reusable');
    while (this.#held.length > 0 && ((id - (this.#held[0] as { id: bigint }).id) & MASK) < 2n ** 61n)
      this.#state((this.#held.shift() as { id: bigint }).id, 'reusable');
  }

  #state(id: bigint, state: keyof typeof STATES): void {
    if (state === 'reusable') this.kept.delete(id);
    this.u64(this.descAt(id), AT.desc.state, (STATES[state] << 62n) | id);
  }

  #ends(): void {
    this.u64(this.ring, AT.ring.descRing + AT.descRing.head, this.#head);
    this.u64(this.ring, AT.ring.descRing + AT.descRing.tail, this.#tail);
  }
}
