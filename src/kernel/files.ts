// SPDX-License-Identifier: Apache-2.0
import { DumpError, type Lost, orLost, orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { type Resolved, resolve } from '../types/fields.js';
import type { TypeSource } from '../types/source.js';
import { pointerAt } from './containers/pointer.js';
import { descriptors } from './descriptors.js';
import type { Host } from './host.js';
import {
  dentryFields,
  dentryInodeFields,
  fileFields,
  fileSystemFields,
  inodeFields,
  mountFields,
  oldMountFields,
  superBlockFields,
} from './structs.js';

/** NAME_MAX; the names of anonymous inodes are shorter. */
const LONGEST_NAME = 255;
/** Most bytes of a file system's name that are read. The kernel has no limit, but the names are short. */
const LONGEST_TYPE = 32;
/** Most directories and mounts on the way to the root: PATH_MAX / 2. */
const DEEPEST_PATH = 2048;

/** An open file: its descriptor, struct file, f_op and private_data. */
export interface OpenFile {
  readonly fd: number;
  readonly address: bigint;
  readonly op: bigint;
  readonly privateData: bigint;
}

/** Reads open files, their names and paths (fs/file.c, fs/d_path.c). Methods throw `DumpError` if memory is missing. */
export class Files {
  readonly #host: Host;
  readonly #at: Resolved<typeof fileFields>;
  readonly #dentry: Resolved<typeof dentryFields>;

  constructor(host: Host) {
    this.#host = host;
    const { file, dentry } = resolve(host.types, { file: fileFields, dentry: dentryFields });
    this.#at = file;
    this.#dentry = dentry;
  }

  /**
   * The open files of the files_struct at an address, by ascending descriptor. `lost` is called for each file, and for each
   * page of the descriptor table, that can't be read; without it, throws `DumpError`, as it does if the table is damaged.
   */
  *open(files: bigint, lost?: Lost): Generator<OpenFile> {
    for (const { fd, address } of descriptors(this.#host, files, lost)) {
      const file = orLost(lost, () => this.#read(address, fd));
      if (file !== null) yield file;
    }
  }

  /** The name of a file's dentry, one character per byte: `kvm-vm`, `memfd:NAME`, or the last part of a path. */
  nameOf(file: bigint): string {
    return this.nameOfDentry(pointerAt(this.#host.memory, file + BigInt(this.#at.dentry.offset), 'struct file'));
  }

  /** The full path of a file, across mounts; the name alone, without a slash, of one that is in no directory. */
  pathOf(file: bigint): string {
    const { memory, types } = this.#host;
    const record = readOf(memory, file, this.#at.bytes, 'struct file');
    const mount = record.u64(this.#at.mnt.offset) - BigInt(mountsOf(types).toMnt);
    return this.pathFrom(record.u64(this.#at.dentry.offset), mount);
  }

  /**
   * A path in the form of /proc/PID/maps, without ` (deleted)`: a file in no directory is `/memfd:NAME`, `/dev/zero`, or
   * `anon_inode:NAME`. `path`: that of `pathOf`.
   */
  shownPath(file: bigint, path: string): string {
    if (path.startsWith('/')) return path;
    return orNull(() => this.fileSystemOf(file).name) === 'anon_inodefs' ? `anon_inode:${path}` : `/${path}`;
  }

  /** The full path of a dentry below a mount, across mounts. `startMount`: the address of its struct mount. */
  pathFrom(start: bigint, startMount: bigint): string {
    const { memory, types } = this.#host;
    const mount = mountsOf(types);
    let [dentry, at] = [start, startMount];
    let path = '';
    for (let step = 0; step < DEEPEST_PATH; step++) {
      const bytes = readOf(memory, at, mount.bytes, 'struct mount');
      if (dentry === bytes.u64(mount.root.offset)) {
        const parent = bytes.u64(mount.parent.offset);
        if (parent === at) return path === '' ? '/' : path;
        dentry = bytes.u64(mount.mountpoint.offset);
        at = parent;
        continue;
      }
      const parent = this.parentOf(dentry);
      const name = this.nameOfDentry(dentry);
      if (name === '') throw new DumpError(`dentry at 0x${dentry.toString(16)}: a part of a path can't be empty`);
      // Only the root of a file system has this name, and the mount has another root.
      if (name === '/') throw new DumpError(`struct mount at 0x${at.toString(16)}: the path does not lead to its root`);
      // A file without a directory (memfd, anonymous inode) is its own parent, and not the root of a mount.
      if (parent === dentry) return `${name}${path}`;
      path = `/${name}${path}`;
      dentry = parent;
    }
    throw new DumpError(`path of the dentry at 0x${start.toString(16)}: more than ${DEEPEST_PATH} parts`);
  }

  /** The file system of a file: the name of its type, and its private data (super_block.s_fs_info). */
  fileSystemOf(file: bigint): { readonly name: string; readonly info: bigint } {
    const { memory, types } = this.#host;
    const at = resolve(types, { dentry: dentryInodeFields });
    const dentry = pointerAt(memory, file + BigInt(this.#at.dentry.offset), 'struct file');
    return this.fileSystemOfInode(pointerAt(memory, dentry + BigInt(at.dentry.inode.offset), 'dentry'));
  }

  /** The same of an inode. */
  fileSystemOfInode(inode: bigint): { readonly name: string; readonly info: bigint } {
    const { memory, types } = this.#host;
    const at = resolve(types, { inode: inodeFields, superBlock: superBlockFields, type: fileSystemFields });
    const superBlock = pointerAt(memory, inode + BigInt(at.inode.superBlock.offset), 'inode');
    const type = pointerAt(memory, superBlock + BigInt(at.superBlock.type.offset), 'super_block');
    const name = pointerAt(memory, type + BigInt(at.type.name.offset), 'file_system_type');
    const text = readOf(memory, name, LONGEST_TYPE, 'name of a file system');
    if (text.text() === '') throw text.error(0, "the name of a file system can't be empty");
    return {
      name: text.text(),
      info: pointerAt(memory, superBlock + BigInt(at.superBlock.info.offset), 'super_block'),
    };
  }

  #read(address: bigint, fd: number): OpenFile {
    const at = this.#at;
    const bytes = readOf(this.#host.memory, address, at.bytes, `struct file of descriptor ${fd}`);
    const [op, dentry] = [bytes.u64(at.op.offset), bytes.u64(at.dentry.offset)];
    // do_dentry_open and alloc_file set both before a descriptor leads to the file.
    if (op === 0n || dentry === 0n)
      throw bytes.error(0, `the file of descriptor ${fd} does not have ${op === 0n ? 'an f_op' : 'a dentry'}`);
    return { fd, address, op, privateData: bytes.u64(at.privateData.offset) };
  }

  /** The directory of a dentry; one without a directory is its own parent. */
  parentOf(dentry: bigint): bigint {
    return pointerAt(this.#host.memory, dentry + BigInt(this.#dentry.parent.offset), 'dentry');
  }

  /** The name of a dentry, one character per byte. */
  nameOfDentry(dentry: bigint): string {
    const bytes = readOf(this.#host.memory, dentry, this.#dentry.bytes, 'dentry');
    const length = bytes.u32(this.#dentry.length.offset);
    if (length > LONGEST_NAME)
      throw bytes.error(this.#dentry.length.offset, `the name of a dentry can't have ${length} bytes`);
    return readOf(this.#host.memory, bytes.u64(this.#dentry.name.offset), length, 'name of a dentry').text();
  }
}

/** Layout of mounts: struct mount around the struct vfsmount that files point to, or struct vfsmount itself (2.6). */
export function mountsOf(types: TypeSource) {
  if (types.sizeOf('mount') === null && types.member('vfsmount', 'mnt_parent') !== null)
    return { ...resolve(types, { mount: oldMountFields }).mount, toMnt: 0 };
  const { mount } = resolve(types, { mount: mountFields });
  return { ...mount, toMnt: mount.mnt.offset };
}
