// SPDX-License-Identifier: Apache-2.0
// The memory cgroup that a page is charged to (mm/memcontrol.c, page_cgroup_ino), and its path (fs/kernfs/dir.c).
import { DumpError } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import { readOf } from '../core/memory.js';
import { pointerAt, pointerKey } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import { type Resolved, resolve, resolveIfPresent } from '../types/fields.js';
import { cgroupFields, cssFields, kernfsFields, memcgFields, objCgroupFields } from './structs.js';

/** CSS_ONLINE (include/linux/cgroup-defs.h). */
const ONLINE = 2n;
/** Bits of memcg_data that are not part of the pointer (enum page_memcg_data_flags). */
const FLAGS = 7n;
const OBJECTS = 1;
const KMEM = 2n;
/** Most levels of cgroups. The kernel has no limit; a path has PATH_MAX bytes. */
const DEEPEST = 2048;
const LONGEST_NAME = 255;
/** Most values that are remembered. */
const KEPT = 4096;

/** A cgroup's path, or why it is not known. */
export interface Charge {
  readonly path: string | null;
  readonly problems: readonly string[];
}

const NONE: Charge = { path: null, problems: [] };

/** Reads memory cgroups. */
export class Memcgs {
  readonly #host: Host;
  readonly #at: Layout | null;
  readonly #subsystem: bigint | null;
  readonly #known = new Lru<Charge>(KEPT);

  constructor(host: Host) {
    this.#host = host;
    const { types, symbols } = host;
    this.#at =
      resolveIfPresent(types, memcgFields) === null
        ? null
        : {
            ...resolve(types, { memcg: memcgFields, css: cssFields }),
            object: resolveIfPresent(types, objCgroupFields),
          };
    // Renamed in Linux commit 073219e995b4 ("cgroup: clean up cgroup_subsys names and initialization") (in v3.15).
    this.#subsystem = symbols.get('memory_cgrp_subsys') ?? symbols.get('mem_cgroup_subsys') ?? null;
  }

  /** Drops what was read, for memory that changes. */
  forget(): void {
    this.#known.clear();
  }

  /** The cgroup of a page that is not charged. */
  readonly nothing = NONE;

  /** The cgroup of a value of page->memcg_data, or mem_cgroup, given as two words. */
  of(high: number, low: number): Charge {
    // A slab has a list of the cgroups of its objects there.
    if ((high === 0 && low === 0) || (low & OBJECTS) !== 0 || this.#at === null) return NONE;
    const key = pointerKey(high, low) ?? 0;
    let charge = this.#known.get(key);
    if (charge === undefined) {
      charge = this.#read((BigInt(high) << 32n) | BigInt(low));
      this.#known.set(key, charge);
    }
    return charge;
  }

  #read(data: bigint): Charge {
    try {
      return { path: this.#path(this.#online(this.#memcg(data))), problems: [] };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return { path: null, problems: [`memory cgroup: ${error.message}`] };
    }
  }

  /** Pages of the kernel, and by 7.2 all pages, are charged to an obj_cgroup, which has a pointer to the mem_cgroup. */
  #memcg(data: bigint): bigint {
    const { object } = this.#at as Layout;
    const pointer = data & ~FLAGS;
    if (object === null || ((data & KMEM) === 0n && this.#isMemcg(pointer))) return pointer;
    const memcg = pointerAt(this.#host.memory, pointer + BigInt(object.memcg.offset), 'obj_cgroup');
    if (this.#isMemcg(memcg)) return memcg;
    throw new DumpError(`0x${pointer.toString(16)} is neither a mem_cgroup nor an obj_cgroup`);
  }

  /** Whether a structure is a mem_cgroup: its css is that of the memory controller. */
  #isMemcg(address: bigint): boolean {
    const { memcg, css } = this.#at as Layout;
    if (this.#subsystem === null || css.subsystem === null) return true;
    const place = address + BigInt(memcg.css.offset + css.subsystem.offset);
    return pointerAt(this.#host.memory, place, 'mem_cgroup') === this.#subsystem;
  }

  /** The nearest ancestor that was not deleted, to which a deleted cgroup's pages belong; returns its css. */
  #online(memcg: bigint): bigint {
    const { memcg: at, css } = this.#at as Layout;
    let state = memcg + BigInt(at.css.offset);
    for (let step = 0; step < DEEPEST; step++) {
      const bytes = readOf(this.#host.memory, state, css.bytes, 'cgroup_subsys_state');
      const isOnline = (bytes.unsigned(css.flags.offset, css.flags.size) & ONLINE) !== 0n;
      const parent = css.parent === null ? 0n : bytes.u64(css.parent.offset);
      if (isOnline || parent === 0n) return state;
      state = parent;
    }
    throw new DumpError(`mem_cgroup at 0x${memcg.toString(16)}: more than ${DEEPEST} ancestors`);
  }

  #path(css: bigint): string {
    const { memory, types } = this.#host;
    const at = resolve(types, { cgroup: cgroupFields, node: kernfsFields });
    if (at.cgroup.node === null) throw new DumpError('this kernel keeps the names of cgroups in another form');
    const cgroup = pointerAt(memory, css + BigInt((this.#at as Layout).css.cgroup.offset), 'cgroup_subsys_state');
    let node = pointerAt(memory, cgroup + BigInt(at.cgroup.node.offset), 'cgroup');
    let path = '';
    for (let step = 0; step < DEEPEST; step++) {
      const bytes = readOf(memory, node, at.node.bytes, 'kernfs_node');
      const parent = bytes.u64(at.node.parent.offset);
      if (parent === 0n) return path === '' ? '/' : path;
      path = `/${this.#name(bytes.u64(at.node.name.offset))}${path}`;
      node = parent;
    }
    throw new DumpError(`cgroup at 0x${cgroup.toString(16)}: more than ${DEEPEST} levels`);
  }

  /** A name up to its NUL: what follows it on the next page may be missing. */
  #name(address: bigint): string {
    const inPage = Math.min(LONGEST_NAME + 1, Number(0x1000n - (address & 0xfffn)));
    const start = readOf(this.#host.memory, address, inPage, 'name of a cgroup').text();
    if (start.length < inPage) return start;
    return readOf(this.#host.memory, address, LONGEST_NAME + 1, 'name of a cgroup').text();
  }
}

interface Layout {
  readonly memcg: Resolved<typeof memcgFields>;
  readonly css: Resolved<typeof cssFields>;
  readonly object: Resolved<typeof objCgroupFields> | null;
}
