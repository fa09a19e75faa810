// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, pfn, vpnOf } from '../core/address.js';
import { Bytes } from '../core/bytes.js';
import type { FrameSource, Memory, Unreadable } from '../core/memory.js';
import { levelNames, NX_HIGH, type PagingForm } from '../paging/form.js';
import { PageWalker, Walk } from '../paging/walker.js';

/** No dump level excludes pages of the kernel; but makedumpfile 1.7.8 excludes slab pages of Linux 7.1 and later. */
const TOO_OLD = " (a version older than the kernel may leave out the kernel's own pages)";

/**
 * The kernel's virtual memory, or that of a process. Every address is translated by page tables, so that no base
 * addresses of the direct map, vmalloc space, modules or vmemmap are needed.
 */
export class KernelMemory implements Memory {
  readonly #walker: PageWalker;
  readonly #source: string;

  /** `root`: frame of the top page table, which for the kernel is swapper_pg_dir (init_top_pgt). */
  constructor(
    readonly frames: FrameSource,
    readonly form: PagingForm,
    readonly root: Pfn,
    readonly owner: 'kernel' | 'process' = 'kernel',
  ) {
    this.#walker = new PageWalker(frames, form);
    this.#source = `${owner} memory`;
  }

  read(address: bigint, length: number): Bytes | Unreadable {
    const place = { source: this.#source, offset: BigInt.asUintN(64, address) };
    const offset = Number(address & 0xfffn);
    const first = this.#page(address);
    if (!(first instanceof DataView)) return first;
    if (offset + length <= PAGE_SIZE)
      return new Bytes(new DataView(first.buffer, first.byteOffset + offset, length), place);
    const whole = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = address + BigInt(done);
      const page = this.#page(at);
      if (!(page instanceof DataView)) return page;
      const from = Number(at & 0xfffn);
      const part = new Uint8Array(page.buffer, page.byteOffset + from, Math.min(PAGE_SIZE - from, length - done));
      whole.set(part, done);
      done += part.length;
    }
    return Bytes.of(whole, place);
  }

  /** Drops the page tables that are kept. */
  forget(): void {
    this.#walker.forget();
  }

  /** The frame of a kernel address, or the reason why it is unknown. */
  frameOf(address: bigint): Pfn | Unreadable {
    if (BigInt.asIntN(this.form.levels * 9 + 12, address) !== BigInt.asIntN(64, address))
      return { address, reason: 'unmapped', message: 'not a canonical address: the pointer is damaged' };
    const walker = this.#walker;
    const status = walker.walk(this.root, vpnOf(address));
    return status === Walk.Mapped ? walker.frame : this.#fault(address, status);
  }

  /** Whether a processor may execute what is at a kernel address: no entry on the way to it has the bit NX. */
  isExecutable(address: bigint): boolean {
    if (typeof this.frameOf(address) !== 'number') return false;
    const { hi, level } = this.#walker;
    return hi.slice(level, this.form.levels).every((word) => (word & NX_HIGH) === 0);
  }

  #page(address: bigint): DataView | Unreadable {
    const frame = this.frameOf(address);
    if (typeof frame !== 'number') return frame;
    const page = this.frames.frame(frame);
    if (page !== null) return page;
    const { reason, message, by, remedies } = this.frames.why(frame);
    const cause = by === 'makedumpfile' && this.owner === 'kernel' ? TOO_OLD : '';
    const where = `physical page 0x${(frame * PAGE_SIZE).toString(16)}`;
    return { address, reason, message: `${where}: ${message}${cause}`, remedies };
  }

  #fault(address: bigint, status: Walk): Unreadable {
    const { frame, level } = this.#walker;
    const table = levelNames(this.form.levels)[level] ?? '';
    if (status !== Walk.TableMissing)
      return { address, reason: 'unmapped', message: `not mapped: its ${table} entry does not lead to a page` };
    const { reason, message, remedies } = this.frames.why(pfn(frame));
    const where = `its ${table} table at physical address 0x${(frame * PAGE_SIZE).toString(16)}`;
    return { address, reason, message: `${where}: ${message}`, remedies };
  }
}
