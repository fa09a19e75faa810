// SPDX-License-Identifier: Apache-2.0
// The members of kernel structures that are read. Of several names, the newest comes first.
import { enumeration, fields, optional, required } from '../types/fields.js';

/** include/linux/sched.h */
export const taskStateFields = fields('task_struct', {
  flags: required('flags', 4),
  exitState: required('exit_state', 4),
});
export const taskFields = fields('task_struct', {
  tasks: required('tasks'),
  pid: required('pid', 4),
  tgid: required('tgid', 4),
  comm: required('comm'),
  mm: required('mm', 8),
  files: required('files', 8),
  signal: required('signal', 8),
  // Threads are in a list with its head in signal_struct since Linux commit 0c740d0afc3b ("introduce for_each_thread()
  // to replace the buggy while_each_thread()") (in v3.14); before, in a ring without a head, which 6.7 removed.
  threadNode: optional('thread_node'),
  threadGroup: optional('thread_group'),
  // An array of struct pid_link until Linux commit 2c4704756cab ("pids: Move the pgrp and session pid pointers from
  // task_struct to signal_struct") (in v4.19).
  pidLinks: required(['pid_links', 'pids']),
});

/** include/linux/sched/signal.h */
export const signalFields = fields('signal_struct', { threadHead: optional('thread_head') });

/** include/linux/pid.h */
export const pidFields = fields('pid', { tasks: required('tasks') });

/** include/linux/pid.h, kernel/pid.c: the hash table of struct upid, up to 4.14. */
export const hashedPidFields = fields('pid', { numbers: required('numbers') });
export const upidFields = fields('upid', {
  number: required('nr', 4),
  namespace: required('ns', 8),
  chain: required('pid_chain'),
});

/** The number of a struct pid in one namespace; the first is that in the initial one. */
export const pidNumberFields = fields('upid', { number: required('nr', 4) });

/**
 * include/linux/pid_namespace.h, idr.h; since Linux commit 95846ecf9dac ("pid: replace pid bitmap implementation with
 * IDR API") (in v4.15).
 */
export const pidNamespaceFields = fields('pid_namespace', {
  root: required(['idr.idr_rt.xa_head', 'idr.idr_rt.rnode'], 8),
  base: optional('idr.idr_base', 4),
});

/** The members of a node for its parent and its slot in the parent. */
const above = { parent: optional('parent', 8), offset: optional('offset', 1) };
/** include/linux/xarray.h */
export const xaNodeFields = fields('xa_node', { shift: required('shift', 1), slots: required('slots', 8) });
export const xaAboveFields = fields('xa_node', above);
/** include/linux/radix-tree.h; up to v4.19. */
export const radixNodeFields = fields('radix_tree_node', { shift: required('shift', 1), slots: required('slots', 8) });
/**
 * Up to v4.6 nodes record their height; since Linux commit 449dd6984d0e ("mm: keep page cache radix tree nodes in
 * check") (in v3.15) in the low bits of `path`, whose upper bits are the node's slot in its parent.
 */
export const radixHeightFields = fields('radix_tree_node', {
  height: required(['path', 'height'], 4),
  slots: required('slots', 8),
});
export const radixAboveFields = fields('radix_tree_node', above);

/** include/linux/fdtable.h */
export const filesFields = fields('files_struct', { fdt: required('fdt', 8) });
export const fdtableFields = fields('fdtable', {
  maxFds: required('max_fds', 4),
  fd: required('fd', 8),
  open: optional('open_fds', 8),
});

/** include/linux/fs.h, dcache.h, mount.h, fs/mount.h */
export const fileFields = fields('file', {
  op: required('f_op', 8),
  privateData: required('private_data', 8),
  dentry: required('f_path.dentry', 8),
  mnt: required('f_path.mnt', 8),
});
export const dentryFields = fields('dentry', {
  parent: required('d_parent', 8),
  name: required('d_name.name', 8),
  length: required('d_name.len', 4),
});
/** include/linux/fs.h, dcache.h: the file system that contains a file. */
export const dentryInodeFields = fields('dentry', { inode: required('d_inode', 8) });
export const inodeFields = fields('inode', { superBlock: required('i_sb', 8) });
/** The dentries of an inode: an hlist since Linux commit b3d9b7a3c752 ("vfs: switch i_dentry/d_alias to hlist") (in v3.6). */
export const inodeAliasFields = fields('inode', { aliases: required(['i_dentry.first', 'i_dentry.next'], 8) });
export const dentryAliasFields = fields('dentry', { alias: required(['d_u.d_alias', 'd_alias']) });
/** The mounts of a file system: since v3.3 a list, and later (seen in 7.2) a chain. */
export const superBlockMountsFields = fields('super_block', { mounts: optional('s_mounts') });
export const mountInstanceFields = fields('mount', {
  instance: optional('mnt_instance'),
  next: optional('mnt_next_for_sb', 8),
  namespace: required('mnt_ns', 8),
});
export const nsproxyFields = fields('nsproxy', { mounts: required('mnt_ns', 8) });
export const superBlockFields = fields('super_block', { type: required('s_type', 8), info: required('s_fs_info', 8) });
export const fileSystemFields = fields('file_system_type', { name: required('name', 8) });
/** include/linux/hugetlb.h: the page size of a hugetlbfs. */
export const hugetlbfsFields = fields('hugetlbfs_sb_info', { hstate: required('hstate', 8) });
export const hstateFields = fields('hstate', { order: required('order', 4) });
/** In struct vfsmount until Linux commit 7d6fec45a5131 ("vfs: start hiding vfsmount guts series") (in v3.3). */
export const oldMountFields = fields('vfsmount', {
  root: required('mnt_root', 8),
  parent: required('mnt_parent', 8),
  mountpoint: required('mnt_mountpoint', 8),
});
export const mountFields = fields('mount', {
  mnt: required('mnt'),
  root: required('mnt.mnt_root', 8),
  parent: required('mnt_parent', 8),
  mountpoint: required('mnt_mountpoint', 8),
});

/** include/linux/mm_types.h */
export const mmFields = fields('mm_struct', {
  pgd: required('pgd', 8),
  users: required('mm_users', 4),
});
/** Addresses of a process's arguments in its own memory. */
export const argumentsFields = fields('mm_struct', {
  start: required('arg_start', 8),
  end: required('arg_end', 8),
});
/** Addresses of the heap, the stack and the vDSO, by which /proc/PID/maps names their mappings (fs/proc/task_mmu.c). */
export const mmAreaFields = fields('mm_struct', {
  brkStart: required('start_brk', 8),
  brk: required('brk', 8),
  stack: required('start_stack', 8),
  vdso: optional('context.vdso', 8),
});
/** Number of mappings. */
export const mmCountFields = fields('mm_struct', { mappings: optional('map_count', 4) });
export const mapleVmasFields = fields('mm_struct', { root: required('mm_mt.ma_root', 8) });
export const rbVmasFields = fields('mm_struct', { root: required('mm_rb.rb_node', 8) });
export const vmaNodeFields = fields('vm_area_struct', { node: required('vm_rb') });
/** include/linux/rbtree_types.h */
export const rbNodeFields = fields('rb_node', {
  parent: required(['__rb_parent_color', 'rb_parent_color'], 8),
  left: required('rb_left', 8),
  right: required('rb_right', 8),
});
/** include/linux/maple_tree.h */
export const mapleNodeFields = fields('maple_node', {});
export const mapleParentFields = fields('maple_node', { parent: optional('parent', 8) });
export const mapleRangeFields = fields('maple_range_64', {
  pivot: required('pivot', 8),
  slot: required('slot', 8),
  end: required('meta.end', 1),
});
export const mapleArangeFields = fields('maple_arange_64', {
  pivot: required('pivot', 8),
  slot: required('slot', 8),
  end: required('meta.end', 1),
});
export const vmaFields = fields('vm_area_struct', {
  start: required('vm_start', 8),
  end: required('vm_end', 8),
  flags: required('vm_flags', 8),
  pgoff: required('vm_pgoff', 8),
  file: required('vm_file', 8),
});
export const pageFields = fields('page', {
  flags: required('flags', 8),
  mapping: required('mapping', 8),
  // Renamed in Linux commit acc53a0b4c15 ("mm: rename page->index to page->__folio_index") (in v6.16).
  index: required(['index', '__folio_index'], 8),
  count: required(['_refcount', '_count'], 4),
});

/** include/linux/page-flags.h */
export const pageFlags = enumeration('pageflags');

/** include/linux/mmzone.h */
export const nodeFields = fields('pglist_data', { present: required('node_present_pages', 8) });
export const nodeSpanFields = fields('pglist_data', {
  start: required('node_start_pfn', 8),
  spanned: required('node_spanned_pages', 8),
});

export const nodeIdFields = fields('pglist_data', { id: required('node_id', 4) });

/** include/linux/tracepoint-defs.h */
export const traceFlagsFields = fields('trace_print_flags', { mask: required('mask', 8), name: required('name', 8) });

/** include/linux/module.h */
export const moduleFields = fields('module', {
  list: required('list'),
  name: required('name'),
  // A pointer to the table since Linux commit 8244062ef1e5 ("modules: fix longstanding /proc/kallsyms vs module
  // insertion race.") (in v4.5); before, the table is in struct module itself.
  kallsyms: optional('kallsyms', 8),
});
export const moduleTaintsFields = fields('module', { taints: optional('taints', 8) });
const moduleTable = { symtab: required('symtab', 8), count: required('num_symtab', 4), strtab: required('strtab', 8) };
export const oldModuleTableFields = fields('module', moduleTable);
/** kernel/module/sysfs.c: the notes of a module. Before 5.14 only they have its build-id. */
export const moduleNotesFields = fields('module', {
  // Since Linux commit 9294523e3768 ("module: add printk formats to add module build ID to stacktraces") (in v5.14).
  buildId: optional('build_id'),
  notes: optional('notes_attrs', 8),
});
export const notesAttrsFields = fields('module_notes_attrs', {
  // Later kernels (seen in 7.2) do not record the number: an attribute group has pointers to them, ended by 0.
  count: optional('notes', 4),
  pointers: optional('grp.bin_attrs', 8),
  attributes: required('attrs'),
});
export const binAttributeFields = fields('bin_attribute', {
  size: required('size', 8),
  address: required('private', 8),
});
export const modKallsymsFields = fields('mod_kallsyms', moduleTable);

/** kernel/bpf/btf.c; since 5.11. */
export const btfModuleFields = fields('btf_module', {
  list: required('list'),
  module: required('module', 8),
  btf: required('btf', 8),
});
export const btfFields = fields('btf', {
  data: required('data', 8),
  size: required('data_size', 4),
  firstId: required('start_id', 4),
  firstString: required('start_str_off', 4),
});

/** include/linux/ioport.h */
export const resourceFields = fields('resource', {
  start: required('start', 8),
  end: required('end', 8),
  name: required('name', 8),
  flags: required('flags', 8),
  sibling: required('sibling', 8),
  child: required('child', 8),
});
