// SPDX-License-Identifier: Apache-2.0
// The mappings in a tree of the reverse map: those of an anon_vma, and those of a file (mm/interval_tree.c).
import { DumpError, type Lost, orLost } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import { rbNodes } from '../kernel/containers/rbtree.js';
import type { Host } from '../kernel/host.js';
import { rbNodeFields } from '../kernel/structs.js';
import { readVma, type Vma } from '../kernel/vma.js';
import { type Resolved, resolve } from '../types/fields.js';
import { anonVmaChainFields, anonVmaFields, fileVmasFields, vmaLinkFields } from './structs.js';

/** A mapping, and the mm_struct that it is in. */
export interface MappedIn {
  readonly vma: Vma;
  readonly mm: bigint;
}

/** Mappings of a tree. `missing`: why there may be others; null if there are none. */
export interface TreeOfVmas {
  readonly all: readonly MappedIn[];
  readonly missing: string | null;
}

/** Most mappings in a tree. */
const MOST = 2 ** 22;
/** Trees that are kept, and the most mappings of one that is. */
const KEPT = 256;
const MOST_KEPT = 0x4000;

/** Reads the trees of a kernel. The last ones are kept: neighbouring pages are in the same ones. */
export class VmaTrees {
  readonly #host: Host;
  readonly #at;
  readonly #kept = new Map<bigint, TreeOfVmas>();

  /** Throws `DumpError` if this kernel's reverse map is not known. */
  constructor(host: Host) {
    this.#host = host;
    this.#at = resolve(host.types, {
      anon: anonVmaFields,
      chain: anonVmaChainFields,
      link: vmaLinkFields,
      file: fileVmasFields,
      node: rbNodeFields,
    });
  }

  /** The mappings of an anon_vma. */
  ofAnon(address: bigint): TreeOfVmas {
    const { anon, chain } = this.#at;
    return this.#known(address, 'anon_vma', anon.root, chain.node, (node) =>
      pointerAt(this.#host.memory, node + BigInt(chain.vma.offset), 'anon_vma_chain'),
    );
  }

  /** The mappings of a file, by its address_space. */
  ofFile(address: bigint): TreeOfVmas {
    const { file, link } = this.#at;
    return this.#known(address, 'address_space', file.root, link.node, (vma) => vma);
  }

  #known(
    address: bigint,
    what: string,
    root: Place | null,
    node: Place | null,
    vmaOf: (member: bigint) => bigint,
  ): TreeOfVmas {
    const known = this.#kept.get(address);
    if (known !== undefined) return known;
    const tree = this.#read(address, what, root, node, vmaOf);
    if (this.#kept.size === KEPT) this.#kept.clear();
    if (tree.all.length <= MOST_KEPT) this.#kept.set(address, tree);
    return tree;
  }

  #read(
    address: bigint,
    what: string,
    root: Place | null,
    node: Place | null,
    vmaOf: (member: bigint) => bigint,
  ): TreeOfVmas {
    if (root === null || node === null)
      return { all: [], missing: `the mappings of this kernel's ${what} can't be read` };
    const { memory } = this.#host;
    const all: MappedIn[] = [];
    let missing: string | null = null;
    const lost: Lost = (why) => {
      missing ??= why.message;
    };
    orLost(lost, () => {
      const first = pointerAt(memory, address + BigInt(root.offset), what);
      const walk = { what: `tree of an ${what}`, member: 'mapping', most: MOST, lost };
      for (const link of rbNodes(memory, this.#at.node, first, walk)) {
        const found = orLost(lost, () => this.#mapping(vmaOf(link - BigInt(node.offset))));
        if (found !== null) all.push(found);
      }
    });
    return { all, missing };
  }

  #mapping(address: bigint): MappedIn {
    const vma = readVma(this.#host, address);
    const bytes = readOf(this.#host.memory, address + BigInt(this.#at.link.mm.offset), 8, 'vm_area_struct');
    const mm = bytes.u64(0);
    if (mm === 0n) throw new DumpError(`vm_area_struct at 0x${address.toString(16)}: it is in no mm_struct`);
    return { vma, mm };
  }
}

type Place = Resolved<typeof vmaLinkFields>['mm'];
