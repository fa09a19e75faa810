/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translates guest physical addresses to host physical addresses in the memory of a crashed KVM host (x86-64): through the
 * memslots, then the page tables of the process that created the VM. Independent of crash: one function reads all memory.
 */
#ifndef KVT_WALKER_H
#define KVT_WALKER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Reads `size` bytes of physical memory, all inside one page of 4096 bytes; 0 if all of them are there. */
typedef int kvt_read(void *context, uint64_t physical, void *bytes, size_t size);

/*
 * Offsets of members in bytes from the start of their structure, -1 for those that this kernel does not have; and some
 * other numbers. The members decide which form of memslots a kernel has, never its version (include/linux/kvm_host.h): a
 * tree of slots (gfn_tree, since Linux 5.17), an array that struct kvm points to (up to 5.16), or one inside struct kvm
 * (2.6.32).
 */
#define KVT_LAYOUT(F)                                                                                                  \
	F(kernel_root)           /* physical address of the kernel's top page table, swapper_pg_dir */                \
	F(kvm_mm)                                                                                                      \
	F(kvm_memslots)          /* pointers to kvm_memslots, one for each address space; -1: the slots are in kvm */ \
	F(spaces)                /* their number: 2 if KVM supports SMM */                                            \
	F(kvm_pages)             /* nr_memslot_pages: pages of the slots of all address spaces (5.17) */              \
	F(set_tree)              /* kvm_memslots.gfn_tree.rb_node */                                                  \
	F(set_index)             /* kvm_memslots.node_idx: the node of each slot that is in use */                    \
	F(set_used)              /* used_slots: the number of slots in use */                                         \
	F(set_filled)            /* nmemslots: the index of the last slot that has pages, plus one */                 \
	F(set_slots)             /* the array of slots, in kvm_memslots or in kvm */                                  \
	F(set_room)              /* the largest number of slots */                                                    \
	F(set_ids)               /* id_to_index: the index of each id in the array of slots */                        \
	F(set_ids_count)         /* number of its elements */                                                         \
	F(set_ids_size)          /* size of an element in bytes */                                                    \
	F(slot_size)                                                                                                   \
	F(slot_base_gfn)                                                                                               \
	F(slot_npages)                                                                                                 \
	F(slot_userspace_addr)                                                                                         \
	F(slot_flags)                                                                                                  \
	F(slot_flags_size)                                                                                             \
	F(slot_id)               /* -1: the id of a slot is its index (2.6.32) */                                     \
	F(slot_id_size)                                                                                                \
	F(slot_gmem)             /* guest_memfd */                                                                    \
	F(slot_node)             /* gfn_node[2] */                                                                    \
	F(slot_node_size)        /* size of one node in bytes */                                                      \
	F(slot_hva_node)         /* hva_node[2]: the addresses of the slot, in a tree of them */                      \
	F(slot_hva_node_size)                                                                                          \
	F(interval_start)        /* interval_tree_node.start: the first address */                                    \
	F(interval_last)                                                                                               \
	F(rb_parent)                                                                                                   \
	F(rb_left)                                                                                                     \
	F(rb_right)                                                                                                    \
	F(kvm_attributes)        /* kvm.mem_attr_array.xa_head */                                                     \
	F(xa_shift)              /* xa_node.shift */                                                                  \
	F(xa_slots)                                                                                                    \
	F(mm_pgd)                                                                                                      \
	F(mm_users)                                                                                                    \
	F(levels)                /* of page tables: 4 or 5 */                                                         \
	F(sme_mask)              /* the memory encryption bit of page-table entries */                                \
	F(physmem_bits)          /* MAX_PHYSMEM_BITS */                                                               \
	F(swap_late)             /* without the L1TF fix: 1: offsets start at bit 14 (4.8 and later); -1: unknown */

#define KVT_MEMBER(name) int64_t name;
struct kvt_layout {
	KVT_LAYOUT(KVT_MEMBER)
};
#undef KVT_MEMBER

/* What the type of a swap entry means (include/linux/swap.h, include/linux/swapops.h). */
enum kvt_kind {
	KVT_UNKNOWN,
	KVT_SWAP,
	KVT_MIGRATION,
	KVT_HWPOISON,
	KVT_DEVICE_PRIVATE,
	KVT_DEVICE_EXCLUSIVE,
	KVT_MARKER,
	KVT_SWAPIN_ERROR,
};

struct kvt {
	kvt_read *read;
	void *context;
	struct kvt_layout at;
	enum kvt_kind kinds[32];
	/* Pages of each swap area, including its header; 0: no such area; UINT64_MAX: it cannot be read. */
	uint64_t swap_pages[32];
};

struct kvt_slot {
	int64_t id;
	uint64_t first;			/* first guest frame */
	uint64_t pages;
	uint64_t hva;
	uint64_t flags;
	int internal;			/* whether KVM itself created it */
	int gmem_only;			/* all pages are in a guest_memfd */
	int gmem;			/* some pages may be in a guest_memfd */
};

enum { KVT_WORDS = 256, KVT_LEVELS = 5 };

/* A VM, with the slots of one address space in ascending order. */
struct kvt_vm {
	uint64_t kvm;
	uint64_t mm;
	uint64_t root;			/* physical address of the top page table */
	uint32_t users;			/* mm_users; 0: the processes have exited */
	struct kvt_slot *slots;
	size_t count;
	size_t room;
	char missing[KVT_WORDS];	/* why there may be other slots; empty if these are all */
};

struct kvt_step {
	uint64_t address;
	uint64_t entry;
};

/* The answer for an address; the states and reasons are those of kvm-vtop --json (docs/output.md). */
struct kvt_answer {
	uint64_t gpa;
	const char *state;
	const char *reason;		/* NULL if mapped */
	char message[2 * KVT_WORDS];
	const struct kvt_slot *slot;
	int has_hva;
	uint64_t hva;
	uint64_t hpa;			/* if mapped */
	uint64_t page_size;
	int prot_none;
	int has_frame;			/* the entry names a frame, but does not map it */
	uint64_t frame;
	int swap_type;			/* -1: none */
	uint64_t swap_offset;
	int top;			/* level of the first step */
	int steps;
	struct kvt_step walk[KVT_LEVELS];
};

/* Reads a VM. Returns 0, or -1 with the reason in `why` (KVT_WORDS bytes). Call kvt_close_vm in both cases. */
int kvt_open_vm(struct kvt *kvt, uint64_t kvm, unsigned int space, struct kvt_vm *vm, char *why);
void kvt_close_vm(struct kvt_vm *vm);

/* How a walk of page tables ended. */
enum kvt_end { KVT_MAPPED, KVT_EMPTY, KVT_SPECIAL, KVT_MISSING, KVT_BAD };

struct kvt_walk {
	enum kvt_end end;
	int level;			/* where it ended; 0 is the PTE */
	uint64_t physical;		/* mapped: of the address; missing: of the missing table */
	int prot_none;
	int top;
	int steps;
	struct kvt_step walk[KVT_LEVELS];
};

/* Reads kernel memory through the kernel's page tables; 0 if all of it is there. */
int kvt_read_kernel(const struct kvt *kvt, uint64_t address, void *bytes, size_t size);

/* Walks the page tables whose top table is at physical address `root`. */
void kvt_walk(const struct kvt *kvt, uint64_t root, uint64_t address, struct kvt_walk *walk);

/* Whether the page of a guest frame is private, and so in a guest_memfd: 1 yes, 0 no, -1 cannot be determined. */
int kvt_is_private(const struct kvt *kvt, const struct kvt_vm *vm, uint64_t frame);

void kvt_translate(const struct kvt *kvt, const struct kvt_vm *vm, uint64_t gpa, struct kvt_answer *answer);

/* The name of a level, "PGD" and so on. With four levels there is no P4D. */
const char *kvt_level_name(const struct kvt *kvt, int level);

/* Prints one line as kvm-vtop --json does. `fd` is negative if unknown, `device` is NULL if its name is unknown. */
void kvt_json(FILE *out, const struct kvt *kvt, const struct kvt_vm *vm, const struct kvt_answer *answer, long pid, long fd,
	      unsigned int space, const char *device);

#endif
