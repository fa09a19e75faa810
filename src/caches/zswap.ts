// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import { descend } from '../kernel/containers/rbtree.js';
import { type XaNodeFields, xaNodes, xarrayEntry } from '../kernel/containers/xarray.js';
import type { Host } from '../kernel/host.js';
import { rbNodeFields } from '../kernel/structs.js';
import { type Resolved, resolve } from '../types/fields.js';
import { describes } from '../types/source.js';
import type { Stored } from './stored.js';
import {
  xarrayFields,
  zpoolDriverFields,
  zpoolFields,
  zswapEntryFields,
  zswapPoolFields,
  zswapTreeFields,
} from './structs.js';
import { type EntryForm, entryForm, type SwapPosition } from './swap-entries.js';
import type { Zsmalloc } from './zsmalloc.js';
import { ZswapObjects } from './zswap-objects.js';

/** Offsets in one tree since v6.8 (SWAP_ADDRESS_SPACE_PAGES, mm/swap.h). */
const IN_TREE = 2 ** 14;
/** Most bytes of an allocator's name that are read. */
const LONGEST_TYPE = 16;

interface Pool {
  readonly algorithm: string;
  readonly allocator: string;
  /**
   * Whether an object of the size of a page is the page itself, as it can't be compressed: in v6.18, which has a single
   * allocator. Before, its compressed form may have this size.
   */
  readonly keepsPages: boolean;
}

/** Swapped pages that are compressed in memory, in front of any swap area (mm/zswap.c). Methods throw `DumpError`. */
export class Zswap {
  readonly #host: Host;
  readonly #objects: ZswapObjects;
  readonly #form: EntryForm;
  readonly #trees: bigint | undefined;
  /** The layout of an XArray, which takes long to find. */
  #arrays: (Resolved<typeof xarrayFields> & { readonly nodes: XaNodeFields }) | null = null;
  readonly #pools = new Map<bigint, Pool>();

  constructor(host: Host, zsmalloc: Zsmalloc) {
    this.#host = host;
    this.#objects = new ZswapObjects(host, zsmalloc);
    this.#form = entryForm(host);
    this.#trees = describes(host.types, 'zswap_entry') ? host.symbols.get('zswap_trees') : undefined;
  }

  /** What zswap has for a place in swap; null if it does not have the page. */
  find(position: SwapPosition): Stored | null {
    if (this.#trees === undefined) return null;
    const { memory, types } = this.#host;
    const tree = pointerAt(memory, this.#trees + BigInt(position.type * 8), 'zswap_trees');
    if (tree === 0n) return null;
    const { entry: at } = resolve(types, { entry: zswapEntryFields });
    const address = at.node === null ? this.#inArray(tree, position) : this.#inTree(tree, position, at);
    if (address === 0n) return null;
    const entry = readOf(memory, address, at.bytes, 'zswap_entry');
    const found = this.#placeIn(entry, position.type, at);
    if (found.type !== position.type || found.offset !== position.offset)
      throw entry.error(0, 'it is in zswap, but does not name its place in swap');
    return this.#stored(entry, position, at);
  }

  #inArray(trees: bigint, { offset }: SwapPosition): bigint {
    const { memory, types } = this.#host;
    this.#arrays ??= { ...resolve(types, { array: xarrayFields }).array, nodes: xaNodes(types) };
    const at = this.#arrays;
    const tree = trees + BigInt(Math.floor(offset / IN_TREE) * at.bytes + at.head.offset);
    const head = pointerAt(memory, tree, 'tree of zswap');
    return head === 0n ? 0n : xarrayEntry(memory, at.nodes, head, BigInt(offset));
  }

  #inTree(trees: bigint, { type, offset }: SwapPosition, at: Resolved<typeof zswapEntryFields>): bigint {
    const { memory, types } = this.#host;
    const { tree, node } = resolve(types, { tree: zswapTreeFields, node: rbNodeFields });
    if (tree.root === null) throw new DumpError('zswap: its trees have a form that is not known');
    // Several trees for a swap area came with the whole swap entry in each entry (v6.8).
    const index = at.entry === null ? 0 : Math.floor(offset / IN_TREE);
    const root = pointerAt(memory, trees + BigInt(index * tree.bytes + tree.root.offset), 'tree of zswap');
    const toNode = BigInt(at.node?.offset ?? 0);
    const found = descend(memory, node, root, (address) => {
      const place = this.#placeIn(readOf(memory, address - toNode, at.bytes, 'zswap_entry'), type, at);
      if (place.offset === offset) return 'here';
      return place.offset > offset ? 'left' : 'right';
    });
    return found === null ? 0n : found - toNode;
  }

  #placeIn(entry: Bytes, type: number, at: Resolved<typeof zswapEntryFields>): SwapPosition {
    if (at.entry !== null) return this.#form.placeOf(entry.u64(at.entry.offset));
    if (at.offset === null) throw new DumpError('zswap: its entries have a form that is not known');
    return { type, offset: Number(entry.u64(at.offset.offset)) };
  }

  #stored(entry: Bytes, position: SwapPosition, at: Resolved<typeof zswapEntryFields>): Stored {
    const size = entry.u32(at.length.offset);
    const handle = entry.u64(at.handle.offset);
    if (size > PAGE_SIZE) throw entry.error(at.length.offset, `a compressed page can't have ${size} bytes`);
    const store = 'zswap';
    // Up to v6.11: a page of one word, which is in place of the handle.
    if (size === 0) return { store, algorithm: null, size, word: handle };
    const { algorithm, allocator, keepsPages } = this.#poolAt(entry.u64(at.pool.offset));
    const read = (): Uint8Array => this.#objects.read(allocator, handle, size, this.#form.entryOf(position));
    return { store, algorithm: size === PAGE_SIZE && keepsPages ? null : algorithm, size, read };
  }

  #poolAt(address: bigint): Pool {
    const known = this.#pools.get(address);
    if (known !== undefined) return known;
    const { memory, types } = this.#host;
    const { pool: at } = resolve(types, { pool: zswapPoolFields });
    const bytes = readOf(memory, address, at.bytes, 'zswap_pool');
    const { offset, size } = at.algorithm;
    const algorithm = readOf(memory, address + BigInt(offset), size, 'zswap_pool').text();
    const allocator = at.allocator === null ? 'zsmalloc' : this.#allocatorOf(bytes.u64(at.allocator.offset));
    const pool = { algorithm, allocator, keepsPages: at.allocator === null };
    this.#pools.set(address, pool);
    return pool;
  }

  #allocatorOf(zpool: bigint): string {
    const { memory, types } = this.#host;
    const at = resolve(types, { pool: zpoolFields, driver: zpoolDriverFields });
    const driver = pointerAt(memory, zpool + BigInt(at.pool.driver.offset), 'zpool');
    const type = pointerAt(memory, driver + BigInt(at.driver.type.offset), 'zpool_driver');
    return readOf(memory, type, LONGEST_TYPE, 'name of an allocator').text();
  }
}
