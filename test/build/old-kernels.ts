// SPDX-License-Identifier: Apache-2.0
// Structures of kernels that no recorded host runs. The order of their members is that of each era; their offsets come from
// the compiler.

import { FORMS, type KallsymsForm } from './kallsyms.js';
import type { HostOptions } from './options.js';
import { LISTS, NAMES, PATHS, XARRAYS } from './small-kernel.js';

const BASICS = `
${LISTS.replace('__rb_parent_color', 'rb_parent_color')}${NAMES}${PATHS}uts_namespace {
  u32 kref
  char sysname[65]
  char nodename[65]
  char release[65]
  char version[65]
  char machine[65]
  char domainname[65]
}
fdtable {
  u32 max_fds
  ptr fd
  ptr close_on_exec
  ptr open_fds
}
files_struct {
  u32 count
  ptr fdt
  pad 80
}
dentry {
  u32 d_flags
  pad 20
  ptr d_parent
  struct qstr d_name
  ptr d_inode
}
pglist_data {
  pad 128
  u64 node_present_pages
}
`;

/** Processes and files of 2.6: pids in a hash table, threads in a ring, no struct mount, struct page of 56 bytes. */
const PROCESS_26 = `
pid_link {
  struct hlist_node node
  ptr pid
}
upid {
  int nr
  ptr ns
  struct hlist_node pid_chain
}
pid {
  u32 count
  u32 level
  struct hlist_head tasks[3]
  pad 16
  struct upid numbers[1]
}
pid_namespace {
  u32 kref
  pad 2052
  int last_pid
}
signal_struct {
  u32 count
  u32 live
}
task_struct {
  u64 state
  pad 72
  struct list_head tasks
  ptr mm
  ptr active_mm
  int pid
  int tgid
  struct pid_link pids[3]
  struct list_head thread_group
  char comm[16]
  pad 40
  ptr files
  ptr nsproxy
  ptr signal
}
vfsmount {
  struct list_head mnt_hash
  ptr mnt_parent
  ptr mnt_mountpoint
  ptr mnt_root
  ptr mnt_sb
}
file {
  pad 16
  struct path f_path
  ptr f_op
  u32 f_lock
  pad 140
  ptr private_data
}
mm_struct {
  ptr mmap
  struct rb_root mm_rb
  ptr mmap_cache
  pad 40
  ptr pgd
  u32 mm_users
  u32 mm_count
  int map_count
}
vm_area_struct {
  ptr vm_mm
  u64 vm_start
  u64 vm_end
  ptr vm_next
  ptr vm_prev
  u64 vm_page_prot
  u64 vm_flags
  struct rb_node vm_rb
  pad 64
  u64 vm_pgoff
  ptr vm_file
}
page {
  u64 flags
  u32 _count
  u32 _mapcount
  union {
    struct {
      u64 private
      ptr mapping
    }
    ptr first_page
  }
  union {
    u64 index
    ptr freelist
  }
  struct list_head lru
}
module {
  u32 state
  struct list_head list
  char name[56]
  pad 160
  ptr symtab
  u32 num_symtab
  ptr strtab
}
swap_info_struct {
  u64 flags
  int prio
  int next
  ptr swap_file
  ptr bdev
  pad 48
  u32 max
}
`;

/** 3.14 and RHEL 7: threads in a list, struct mount contains vfsmount, struct page of 64 bytes. */
const PROCESS_3 = PROCESS_26.replace('signal_struct {', 'signal_struct {\n  pad 8\n  struct list_head thread_head')
  .replace('  struct list_head thread_group\n', '  struct list_head thread_group\n  struct list_head thread_node\n')
  .replace(/vfsmount \{[^}]*\}/, 'vfsmount {\n  ptr mnt_root\n  ptr mnt_sb\n  int mnt_flags\n}')
  .replace('\nfile {', '\nmount {\n  pad 16\n  ptr mnt_parent\n  ptr mnt_mountpoint\n  struct vfsmount mnt\n}\nfile {')
  .replace('  struct list_head lru\n}\nmodule', '  struct list_head lru\n  ptr mem_cgroup\n}\nmodule')
  .replace(/vm_area_struct \{[^}]*\}/, (text) =>
    text.replace('  ptr vm_mm\n', '').replace('  u64 vm_page_prot\n', '  ptr vm_mm\n  u64 vm_page_prot\n'),
  );

const MOD_KALLSYMS = (text: string) =>
  text.replace(
    /module \{[^}]*\}/,
    'mod_kallsyms {\n  ptr symtab\n  u32 num_symtab\n  ptr strtab\n}\nmodule {\n  u32 state\n  struct list_head list\n  char name[56]\n  pad 100\n  ptr kallsyms\n}',
  );

/** 3.15 to 3.19: VMAs are cached with a sequence number, page middle directories are not counted yet. */
const NUMA = (text: string) =>
  text.replace('mm_struct {\n', 'mm_struct {\n  u32 vmacache_seqnum\n  int numa_scan_seq\n');

/** The IDR of 4.15, on the radix tree of that time; swap entries in the form of 4.8. */
const IDR = (text: string, tree: string) =>
  text
    .replace(/upid \{[^}]*\}\n/, '')
    .replace('  struct upid numbers[1]\n', '')
    .replace(
      /pid_namespace \{[^}]*\}/,
      `${tree}\nidr {\n  struct ${/xarray/.test(tree) ? 'xarray' : 'radix_tree_root'} idr_rt\n  u32 idr_base\n  u32 idr_next\n}\npid_namespace {\n  u32 kref\n  struct idr idr\n}`,
    );
const RADIX = `radix_tree_root {
  u32 gfp_mask
  ptr rnode
}
radix_tree_node {
  u8 shift
  u8 offset
  u8 count
  u8 exceptional
  ptr parent
  ptr root
  struct list_head private_list
  ptr slots[64]
  u64 tags[3]
}`;
const XARRAY = XARRAYS.trimEnd();
const LRU = (text: string) => text.replace('pglist_data {', 'pglist_data {\n  u64 lruvec');

const SLOT = (id: string) => `kvm_memory_slot {
  u64 base_gfn
  u64 npages
  ${id === 'int id' ? 'u64 flags\n  ptr rmap' : 'ptr rmap'}
  ptr dirty_bitmap
  pad 16
  u64 userspace_addr
  ${id === 'int id' ? 'int user_alloc' : 'u32 flags'}
  ${id}
}`;
const KVM = (memslots: string) => `kvm {
  pad 40
  ptr mm
  ${memslots}
  pad 64
  struct list_head vm_list
}`;

const SLOTS_INLINE = `${SLOT('int user_alloc').replace('  u32 flags\n', '  u64 flags\n')}\n${KVM('int nmemslots\n  struct kvm_memory_slot memslots[36]')}`;
const SLOTS_POINTER = `${SLOT('int id')}\nkvm_memslots {\n  int nmemslots\n  u64 generation\n  struct kvm_memory_slot memslots[36]\n}\n${KVM('ptr memslots')}`;
const SLOTS_BY_SIZE = `${SLOT('short id')}\nkvm_memslots {\n  u64 generation\n  struct kvm_memory_slot memslots[128]\n  short id_to_index[128]\n}\n${KVM('ptr memslots')}`;
const SLOTS_FIXED = `${SLOT('short id')}\nkvm_memslots {\n  u64 generation\n  struct kvm_memory_slot memslots[512]\n  short id_to_index[512]\n  u32 lru_slot\n  int used_slots\n}\n${KVM('ptr memslots[2]')}`;
const SLOTS_FLEXIBLE = (most: number) =>
  `${SLOT('short id\n  u16 as_id')}\nkvm_memslots {\n  u64 generation\n  short id_to_index[${most}]\n  u32 lru_slot\n  int used_slots\n  struct kvm_memory_slot memslots[]\n}\n${KVM('ptr memslots[2]')}`;
const FLAGS = '\nenum pageflags { PG_locked=0, PG_error=1, PG_hwpoison=22, __NR_PAGEFLAGS=23 }\n';

export interface Era {
  readonly options: HostOptions;
  /** Number of address spaces. */
  readonly spaces: 1 | 2;
  /** The form of swap entries in page tables. */
  readonly swap: 'bits 1 to 5' | 'bits 9 to 13' | 'inverted' | 'not known';
}

const form = (name: string): KallsymsForm => FORMS[name] as KallsymsForm;
const silent = { silent: true, noBtf: true, ballast: 1100 } as const;
const beforeNumbers = { ...silent, kallsyms: form('4.4'), oldNotes: true, kaslr: 0n, physBase: 0n } as const;

/** By the version of the kernel that has these structures. */
export const ERAS: Readonly<Record<string, Era>> = {
  '2.6.32': {
    options: { ...beforeNumbers, types: BASICS + PROCESS_26 + SLOTS_INLINE + FLAGS, swapStructs: true, swapFiles: 29 },
    spaces: 1,
    swap: 'bits 1 to 5',
  },
  'RHEL 6': {
    options: { ...beforeNumbers, types: BASICS + PROCESS_26 + SLOTS_POINTER + FLAGS, swapFiles: 29 },
    spaces: 1,
    swap: 'bits 1 to 5',
  },
  '3.8': {
    options: {
      ...beforeNumbers,
      types: BASICS + PROCESS_3 + SLOTS_BY_SIZE + FLAGS,
      swapFiles: 29,
      physBase: 0x3000000n,
    },
    spaces: 1,
    swap: 'bits 1 to 5',
  },
  '3.16 with NUMA balancing': {
    options: {
      ...beforeNumbers,
      types: BASICS + NUMA(PROCESS_3) + SLOTS_BY_SIZE + FLAGS,
      swapFiles: 29,
    },
    spaces: 1,
    swap: 'not known',
  },
  'RHEL 7': {
    options: { ...silent, kallsyms: form('4.4'), types: BASICS + PROCESS_3 + SLOTS_FIXED + FLAGS, swapFiles: 27 },
    spaces: 2,
    swap: 'inverted',
  },
  '4.4': {
    options: { ...beforeNumbers, types: BASICS + PROCESS_3 + SLOTS_FIXED + FLAGS, swapFiles: 29 },
    spaces: 2,
    swap: 'bits 1 to 5',
  },
  '4.9': {
    options: {
      ...beforeNumbers,
      kallsyms: form('4.19'),
      types: LRU(BASICS) + MOD_KALLSYMS(PROCESS_3) + SLOTS_FIXED + FLAGS,
      goldenRatio: 0x61c8864680b583ebn,
      physBase: 0x21000000n,
      kaslr: 0x4000000n,
      swapFiles: 29,
    },
    spaces: 2,
    swap: 'bits 9 to 13',
  },
  '4.15': {
    options: {
      ...silent,
      kallsyms: form('4.19'),
      types: LRU(BASICS) + IDR(MOD_KALLSYMS(PROCESS_3), RADIX) + SLOTS_FIXED + FLAGS,
      swapFiles: 27,
    },
    spaces: 2,
    swap: 'bits 9 to 13',
  },
  'RHEL 8': {
    options: {
      ...silent,
      kallsyms: form('4.19'),
      types: LRU(BASICS) + IDR(MOD_KALLSYMS(PROCESS_3), XARRAY) + SLOTS_FLEXIBLE(512) + FLAGS,
      swapFiles: 27,
    },
    spaces: 2,
    swap: 'inverted',
  },
  '5.14': {
    options: {
      ...silent,
      kallsyms: form('5.10'),
      types: LRU(BASICS) + IDR(MOD_KALLSYMS(PROCESS_3), XARRAY) + SLOTS_FLEXIBLE(32767) + FLAGS,
      swapFiles: 25,
    },
    spaces: 2,
    swap: 'inverted',
  },
};
