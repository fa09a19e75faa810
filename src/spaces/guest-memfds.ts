// SPDX-License-Identifier: Apache-2.0
import type { FileCaches } from '../caches/files.js';
import type { Cached } from '../caches/page-cache.js';
import type { Gfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { memfdOf, type SlotMemfd } from '../kvm/memslots/memfd.js';
import type { Memslot } from '../kvm/memslots/slot.js';

/** Finds pages in the guest_memfds of slots (virt/kvm/guest_memfd.c). The last slot is remembered. */
export class GuestMemfds {
  readonly #host: Host;
  readonly #caches: FileCaches;
  #last: { readonly slot: Memslot; readonly memfd: SlotMemfd | DumpError } | null = null;

  constructor(host: Host, caches: FileCaches) {
    this.#host = host;
    this.#caches = caches;
  }

  /** What the guest_memfd has for a guest frame of a slot and those that follow it. The result's `end` is a guest frame. */
  find(slot: Memslot, frame: Gfn, end: number): Cached {
    if (this.#last?.slot !== slot) this.#last = { slot, memfd: this.#placeOf(slot) };
    const { memfd } = this.#last;
    if (memfd instanceof DumpError) return { kind: 'unknown', why: memfd.message, end };
    if (memfd.file === 0n) return { kind: 'nothing', end };
    const cache = this.#caches.of(memfd.file);
    if (cache instanceof DumpError) return { kind: 'unknown', why: cache.message, end };
    const shift = memfd.first - slot.first;
    const found = cache.find(frame + shift, end + shift);
    return { ...found, end: found.end - shift };
  }

  #placeOf(slot: Memslot): SlotMemfd | DumpError {
    try {
      return memfdOf(this.#host, slot);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return error;
    }
  }
}
