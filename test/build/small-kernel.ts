// SPDX-License-Identifier: Apache-2.0

/** Structures that are the same in every kernel: lists and trees. */
export const LISTS = `list_head {
  ptr next
  ptr prev
}
hlist_node {
  ptr next
  ptr pprev
}
hlist_head {
  ptr first
}
rb_node {
  u64 __rb_parent_color
  ptr rb_right
  ptr rb_left
}
rb_root {
  ptr rb_node
}
`;
/** Since 4.20. */
export const XARRAYS = `xarray {
  u32 xa_lock
  u32 xa_flags
  ptr xa_head
}
xa_node {
  u8 shift
  u8 offset
  u8 count
  u8 nr_values
  ptr parent
  ptr array
  struct list_head private_list
  ptr slots[64]
}
`;
export const NAMES = `qstr {
  u32 hash
  u32 len
  ptr name
}
`;
export const PATHS = `path {
  ptr mnt
  ptr dentry
}
`;

/** The structures of a small kernel; their offsets are those of no real one. */
export const SMALL_KERNEL = `
${LISTS}${XARRAYS}idr {
  struct xarray idr_rt
  u32 idr_base
  u32 idr_next
}
pid_namespace {
  pad 24
  struct idr idr
}
pid {
  u32 count
  u32 level
  struct hlist_head tasks[4]
}
signal_struct {
  pad 16
  struct list_head thread_head
}
task_struct {
  pad 48
  struct list_head tasks
  ptr mm
  int pid
  int tgid
  struct hlist_node pid_links[4]
  struct list_head thread_node
  char comm[16]
  ptr files
  ptr signal
  u32 flags
  int exit_state
}
files_struct {
  u32 count
  ptr fdt
}
fdtable {
  u32 max_fds
  ptr fd
}
${NAMES}dentry {
  pad 24
  ptr d_parent
  struct qstr d_name
}
${PATHS}file {
  ptr f_op
  ptr private_data
  struct path f_path
}
maple_tree {
  u32 ma_lock
  u32 ma_flags
  ptr ma_root
}
mm_struct {
  struct {
    u32 mm_users
    struct maple_tree mm_mt
    ptr pgd
    u64 arg_start
    u64 arg_end
    u64 start_brk
    u64 brk
    u64 start_stack
  }
}
mod_kallsyms {
  ptr symtab
  u32 num_symtab
  ptr strtab
}
module {
  u32 state
  struct list_head list
  char name[56]
  u8 build_id[20]
  ptr mem[7]
  ptr kallsyms
}
btf {
  ptr data
  pad 8
  u32 data_size
  u32 start_id
  u32 start_str_off
}
btf_module {
  struct list_head list
  ptr module
  ptr btf
}
swap_info_struct {
  u64 flags
  u32 max
  ptr swap_file
}
uts_namespace {
  pad 4
  char sysname[65]
  char nodename[65]
  char release[65]
  char version[65]
  char machine[65]
  char domainname[65]
}
folio {
  u64 flags
}
enum pageflags { PG_locked=0, PG_hwpoison=20, __NR_PAGEFLAGS=22, PG_anon_exclusive=11 }
`;

export const KVM_TYPES = `
kvm_memslots {
  u64 generation
  struct rb_root gfn_tree
  ptr id_hash[128]
  u32 node_idx
}
gmem {
  ptr file
  u64 pgoff
}
interval_tree_node {
  struct rb_node rb
  u64 start
  u64 last
  u64 __subtree_last
}
kvm_memory_slot {
  struct hlist_node id_node[2]
  struct interval_tree_node hva_node[2]
  struct rb_node gfn_node[2]
  u64 base_gfn
  u64 npages
  u64 userspace_addr
  u32 flags
  short id
  u16 as_id
  struct gmem gmem
}
kvm {
  ptr mm
  u64 nr_memslot_pages
  ptr memslots[2]
  struct list_head vm_list
  int userspace_pid
  struct xarray mem_attr_array
}
`;
