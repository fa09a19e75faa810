// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { type Resolved, resolve } from '../types/fields.js';
import { listLinks } from './containers/list.js';
import { pointerAt } from './containers/pointer.js';
import { Files } from './files.js';
import type { Host } from './host.js';
import {
  dentryAliasFields,
  inodeAliasFields,
  inodeFields,
  mountFields,
  mountInstanceFields,
  nsproxyFields,
  superBlockMountsFields,
} from './structs.js';

/** Most mounts of one file system that are looked at. */
const MOST_MOUNTS = 4096;
/** Most directories up to the root of a file system: PATH_MAX / 2. */
const DEEPEST_PATH = 2048;

interface Mount {
  readonly address: bigint;
  /** The dentry that is mounted. */
  readonly root: bigint;
  /** Whether it is in the initial mount namespace. */
  readonly isFirst: boolean;
}

/** Finds the paths of inodes, which have none of their own: those of their dentries, in a file system that is mounted. */
export class InodePaths {
  readonly #host: Host;
  readonly #files: Files;
  /** The mounts of each file system, by super_block: those of the initial mount namespace first. */
  readonly #mounts = new Map<bigint, readonly Mount[]>();

  constructor(host: Host) {
    this.#host = host;
    this.#files = new Files(host);
  }

  /**
   * A path of an inode; null if the kernel does not remember one (it has no dentry), or if it is not mounted. Throws
   * `DumpError` if it can't be read.
   */
  pathOf(inode: bigint): string | null {
    const { memory, types } = this.#host;
    const at = resolve(types, { inode: inodeFields, aliases: inodeAliasFields, dentry: dentryAliasFields });
    const place = inode + BigInt(at.aliases.aliases.offset);
    const alias = pointerAt(memory, place, 'inode');
    if (alias === 0n || alias === place) return null;
    const dentry = alias - BigInt(at.dentry.alias.offset);
    const chain = this.#upTo(dentry);
    // A file without a directory: a memfd, shared anonymous memory.
    if (chain.size === 1) return `/${this.#files.nameOfDentry(dentry)}`;
    const superBlock = pointerAt(memory, inode + BigInt(at.inode.superBlock.offset), 'inode');
    const mount = this.#mountsOf(superBlock).find(({ root }) => chain.has(root));
    return mount === undefined ? null : this.#files.pathFrom(dentry, mount.address);
  }

  /** A dentry and the directories up to the root of its file system. */
  #upTo(start: bigint): ReadonlySet<bigint> {
    const chain = new Set<bigint>();
    for (let dentry = start; !chain.has(dentry); dentry = this.#files.parentOf(dentry)) {
      if (chain.size >= DEEPEST_PATH)
        throw new DumpError(`path of the dentry at 0x${start.toString(16)}: more than ${DEEPEST_PATH} parts`);
      chain.add(dentry);
    }
    return chain;
  }

  #mountsOf(superBlock: bigint): readonly Mount[] {
    let mounts = this.#mounts.get(superBlock);
    if (mounts === undefined) {
      mounts = this.#read(superBlock);
      this.#mounts.set(superBlock, mounts);
    }
    return mounts;
  }

  #read(superBlock: bigint): readonly Mount[] {
    const { memory, symbols, types } = this.#host;
    if (types.sizeOf('mount') === null) return [];
    const at = resolve(types, {
      block: superBlockMountsFields,
      instance: mountInstanceFields,
      mount: mountFields,
      proxy: nsproxyFields,
    });
    const { mounts } = at.block;
    if (mounts === null) return [];
    const proxy = symbols.get('init_nsproxy');
    const initial = proxy === undefined ? 0n : pointerAt(memory, proxy + BigInt(at.proxy.mounts.offset), 'nsproxy');
    const all: Mount[] = [];
    for (const address of this.#links(superBlock + BigInt(mounts.offset), at.instance)) {
      const bytes = readOf(memory, address, at.mount.bytes, 'struct mount');
      const isFirst = bytes.u64(at.instance.namespace.offset) === initial;
      all.push({ address, root: bytes.u64(at.mount.root.offset), isFirst });
    }
    return [...all.filter(({ isFirst }) => isFirst), ...all.filter(({ isFirst }) => !isFirst)];
  }

  *#links(place: bigint, { instance, next }: Resolved<typeof mountInstanceFields>): Generator<bigint> {
    const { memory } = this.#host;
    if (next !== null) {
      let mount = pointerAt(memory, place, 'super_block');
      for (let step = 0; mount !== 0n && step < MOST_MOUNTS; step++) {
        yield mount;
        mount = pointerAt(memory, mount + BigInt(next.offset), 'struct mount');
      }
    } else if (instance !== null) {
      for (const link of listLinks(memory, place, MOST_MOUNTS, 'mounts of a file system'))
        yield link - BigInt(instance.offset);
    }
  }
}
