// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the memslots of a VM, in all forms in which kernels have stored them. */
#include "memslots.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* KVM_MEM_SLOTS_NUM up to Linux 3.7: 32, and 4 of KVM's own. */
enum { OLDEST_SLOTS = 36, OLDEST_USER_SLOTS = 32 };
/* KVM_MEM_MAX_NR_PAGES */
#define MOST_PAGES ((UINT64_C(1) << 31) - 1)
/* Guest physical addresses are below 2^52. */
#define MOST_FRAMES (UINT64_C(1) << 40)

enum { KVM_MEM_GUEST_MEMFD = 1 << 2, KVM_MEMSLOT_GMEM_ONLY = 1 << 17 };
/* LOG_DIRTY_PAGES, READONLY, INVALID. KVM refuses others, but for those of guest_memfd (check_memory_region_flags). */
enum { COMMON_FLAGS = 1 << 0 | 1 << 1 | 1 << 16 };

int kvt_fail(char *why, const char *format, ...)
{
	va_list words;

	va_start(words, format);
	vsnprintf(why, KVT_WORDS, format, words);
	va_end(words);
	return -1;
}

uint64_t kvt_number(const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size < sizeof(value) ? size : sizeof(value));
	return value;
}

static int64_t signed_number(const unsigned char *bytes, size_t size)
{
	unsigned int shift = size < 8 ? 64 - 8 * (unsigned int)size : 0;

	return (int64_t)(kvt_number(bytes, size) << shift) >> shift;
}

int kvt_add_slot(struct kvt_vm *vm, const struct kvt_slot *slot, char *why)
{
	if (vm->count == vm->room) {
		size_t room = vm->room ? vm->room * 2 : 64;
		struct kvt_slot *slots = realloc(vm->slots, room * sizeof(*slots));

		if (!slots)
			return kvt_fail(why, "no memory left");
		vm->slots = slots;
		vm->room = room;
	}
	vm->slots[vm->count++] = *slot;
	return 0;
}

int kvt_parse_slot(const struct kvt *kvt, const unsigned char *bytes, uint64_t address, int64_t place, struct kvt_ids ids,
		   struct kvt_slot *slot, char *why)
{
	const struct kvt_layout *at = &kvt->at;
	uint64_t known = COMMON_FLAGS | (at->slot_gmem < 0 ? 0 : KVM_MEM_GUEST_MEMFD | KVM_MEMSLOT_GMEM_ONLY);

	slot->first = kvt_number(bytes + at->slot_base_gfn, 8);
	slot->pages = kvt_number(bytes + at->slot_npages, 8);
	slot->hva = kvt_number(bytes + at->slot_userspace_addr, 8);
	slot->flags = kvt_number(bytes + at->slot_flags, (size_t)at->slot_flags_size);
	slot->id = at->slot_id < 0 ? place : signed_number(bytes + at->slot_id, (size_t)at->slot_id_size);
	if (slot->pages > MOST_PAGES || slot->first > MOST_FRAMES - slot->pages)
		return kvt_fail(why, "the memslot at 0x%" PRIx64 " can't have 0x%" PRIx64 " pages from frame 0x%" PRIx64, address,
				slot->pages, slot->first);
	if (slot->hva % PAGE || slot->pages > (UINT64_MAX - slot->hva) / PAGE)
		return kvt_fail(why, "userspace_addr of the memslot at 0x%" PRIx64 " can't be 0x%" PRIx64, address, slot->hva);
	if (slot->id < 0 || slot->id >= ids.all)
		return kvt_fail(why, "the id of the memslot at 0x%" PRIx64 " can't be %" PRId64, address, slot->id);
	if (slot->flags & ~known)
		return kvt_fail(why, "flags of the memslot at 0x%" PRIx64 " can't be 0x%" PRIx64, address, slot->flags);
	slot->internal = slot->id >= ids.user;
	slot->gmem_only = !!(slot->flags & KVM_MEMSLOT_GMEM_ONLY);
	slot->gmem = slot->gmem_only || (slot->flags & KVM_MEM_GUEST_MEMFD);
	return 0;
}

/* The index of a slot in the array, from id_to_index; -1 if it cannot be read or the table does not exist. */
static int64_t place_of(struct kvt *kvt, uint64_t set, int64_t id)
{
	const struct kvt_layout *at = &kvt->at;
	uint32_t place = 0;

	if (at->set_ids < 0 || id < 0 || id >= at->set_ids_count || (at->set_ids_size != 2 && at->set_ids_size != 4) ||
	    kvt_read_kernel(kvt, set + (uint64_t)(at->set_ids + id * at->set_ids_size), &place, (size_t)at->set_ids_size))
		return -1;
	return place;
}

/*
 * Fails if id_to_index (up to 5.16) was overwritten with zeros: ids without a slot have -1 there, or an index above those in
 * use, so 0 is never there twice.
 */
static int check_places(struct kvt *kvt, uint64_t set, char *why)
{
	int64_t last = place_of(kvt, set, kvt->at.set_ids_count - 1);

	if (last || place_of(kvt, set, kvt->at.set_ids_count - 2))
		return 0;
	return kvt_fail(why, "kvm_memslots.id_to_index at 0x%" PRIx64 ": only zeros: the dump is damaged there, or lacks the page",
			set + (uint64_t)kvt->at.set_ids);
}

int kvt_check_order(const struct kvt_slot *before, const struct kvt_slot *after, char *why)
{
	if (after->first >= before->first)
		return 0;
	return kvt_fail(why, "memslots %" PRId64 " and %" PRId64 " are not in the order of their guest frames: the dump is damaged there",
			before->id, after->id);
}

static int read_array(struct kvt *kvt, uint64_t set, struct kvt_vm *vm, char *why)
{
	const struct kvt_layout *at = &kvt->at;
	int64_t room = at->set_room;
	struct kvt_ids ids = { room == OLDEST_SLOTS ? OLDEST_USER_SLOTS : room - INTERNAL, room };
	int64_t count_at = at->set_used >= 0 ? at->set_used : at->set_filled;
	uint32_t count = (uint32_t)room;

	if (room <= 0 || room > MOST_SLOTS || at->slot_size <= 0 || at->slot_size > SLOT_BYTES)
		return kvt_fail(why, "the number of memslots is not known: struct kvm_memslots has room for %" PRId64, room);
	if (count_at >= 0 && kvt_read_kernel(kvt, set + (uint64_t)count_at, &count, sizeof(count)))
		return kvt_fail(why, "the number of memslots at 0x%" PRIx64 " can't be read", set + (uint64_t)count_at);
	if (count > (uint32_t)room)
		return kvt_fail(why, "there can't be %" PRIu32 " memslots in use at 0x%" PRIx64 ": at most %" PRId64 " are possible",
				count, set, room);
	if (check_places(kvt, set, why))
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		unsigned char bytes[SLOT_BYTES];
		uint64_t address = set + (uint64_t)at->set_slots + (uint64_t)i * (uint64_t)at->slot_size;
		struct kvt_slot slot;

		if (kvt_read_kernel(kvt, address, bytes, (size_t)at->slot_size)) {
			snprintf(vm->missing, sizeof(vm->missing), "the memslot at 0x%" PRIx64 " can't be read", address);
			continue;
		}
		if (kvt_parse_slot(kvt, bytes, address, i, ids, &slot, why))
			return -1;
		/* used_slots counts only slots with pages. */
		if (!slot.pages && at->set_used >= 0)
			return kvt_fail(why, "memslot %" PRId64 " has no pages, but is in use: the dump is damaged there", slot.id);
		int64_t place = at->slot_id < 0 ? -1 : place_of(kvt, set, slot.id);
		if (place >= 0 && place != i)
			return kvt_fail(why, "memslot %" PRId64 " is at index %" PRIu32 ", but id_to_index has %" PRId64
					": the dump is damaged there", slot.id, i, place);
		/* Nothing can be mapped at address 0 (sysctl vm.mmap_min_addr). Slots in trees have their address twice. */
		if (slot.pages && !slot.hva && !slot.gmem)
			return kvt_fail(why, "userspace_addr of memslot %" PRId64 " can't be 0: the dump is damaged there", slot.id);
		/* With a count the slots are in descending order of their guest frames (4.0 and later). */
		if (at->set_used >= 0 && vm->count && kvt_check_order(&slot, &vm->slots[vm->count - 1], why))
			return -1;
		if (slot.pages && kvt_add_slot(vm, &slot, why))
			return -1;
	}
	/* In kernels without id_to_index a VM without slots looks like a page of zeros. */
	if (!vm->count && !vm->missing[0] && place_of(kvt, set, at->set_ids_count - 1) < 0)
		snprintf(vm->missing, sizeof(vm->missing), "there are no slots, but a page of zeros would look the same");
	return 0;
}

static int by_frame(const void *one, const void *other)
{
	uint64_t a = ((const struct kvt_slot *)one)->first, b = ((const struct kvt_slot *)other)->first;

	return a < b ? -1 : a > b;
}

/* Fails if two slots have the same id. */
static int check_ids(const struct kvt_vm *vm, char *why)
{
	unsigned char seen[MOST_SLOTS] = { 0 };

	for (size_t i = 0; i < vm->count; i++)
		if (seen[vm->slots[i].id]++)
			return kvt_fail(why, "two memslots have the id %" PRId64 ": the dump is damaged there", vm->slots[i].id);
	return 0;
}

/* Sorts the slots by frame. The kernel never allows two slots to cover the same guest frame, or to have the same id. */
static int sort_slots(struct kvt_vm *vm, char *why)
{
	if (vm->count)
		qsort(vm->slots, vm->count, sizeof(*vm->slots), by_frame);
	if (check_ids(vm, why))
		return -1;
	for (size_t i = 1; i < vm->count; i++)
		if (vm->slots[i - 1].first + vm->slots[i - 1].pages > vm->slots[i].first)
			return kvt_fail(why, "memslots %" PRId64 " and %" PRId64 " both cover guest frame 0x%" PRIx64,
					vm->slots[i - 1].id, vm->slots[i].id, vm->slots[i].first);
	return 0;
}

/* With KPTI there are two top tables; mm->pgd is the kernel's, which also maps user memory (arch/x86/mm/pti.c). */
static int read_mm(struct kvt *kvt, struct kvt_vm *vm, char *why)
{
	struct kvt_walk top;
	uint64_t pgd;

	if (kvt_read_kernel(kvt, vm->kvm + (uint64_t)kvt->at.kvm_mm, &vm->mm, 8))
		return kvt_fail(why, "struct kvm at 0x%" PRIx64 " can't be read", vm->kvm);
	if (kvt_read_kernel(kvt, vm->mm + (uint64_t)kvt->at.mm_pgd, &pgd, 8) ||
	    kvt_read_kernel(kvt, vm->mm + (uint64_t)kvt->at.mm_users, &vm->users, 4))
		return kvt_fail(why, "mm_struct at 0x%" PRIx64 " can't be read", vm->mm);
	kvt_walk(kvt, (uint64_t)kvt->at.kernel_root, pgd, &top);
	if (pgd % PAGE || top.end != KVT_MAPPED)
		return kvt_fail(why, "mm_struct at 0x%" PRIx64 ": pgd 0x%" PRIx64 " is not the address of a page table", vm->mm, pgd);
	vm->root = top.physical;
	return 0;
}

static int read_set(struct kvt *kvt, unsigned int space, struct kvt_vm *vm, char *why)
{
	const struct kvt_layout *at = &kvt->at;
	uint64_t set = vm->kvm;

	if (at->kvm_memslots >= 0 && kvt_read_kernel(kvt, vm->kvm + (uint64_t)at->kvm_memslots + space * 8, &set, 8))
		return kvt_fail(why, "struct kvm at 0x%" PRIx64 " can't be read", vm->kvm);
	return at->set_tree >= 0 ? kvt_read_tree(kvt, set, vm, why) : read_array(kvt, set, vm, why);
}

static uint64_t pages_of(const struct kvt_vm *vm)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < vm->count; i++)
		sum += vm->slots[i].pages;
	return sum;
}

static int has_slot_of(const struct kvt_vm *vm, uint64_t pages)
{
	for (size_t i = 0; i < vm->count; i++)
		if (vm->slots[i].pages == pages)
			return 1;
	return 0;
}

/*
 * Compares the slots with the number of pages that struct kvm records for all address spaces. If the numbers are equal no
 * slot is missing; if the slots have fewer pages, one is. If they have more, by the size of one slot, that one was being
 * created.
 */
static int check_count(struct kvt *kvt, unsigned int space, struct kvt_vm *vm, char *why)
{
	const struct kvt_layout *at = &kvt->at;
	uint64_t counted, sum = pages_of(vm);
	int is_missing = vm->missing[0], is_making = 0;
	char unused[KVT_WORDS];

	if (at->kvm_pages < 0 || kvt_read_kernel(kvt, vm->kvm + (uint64_t)at->kvm_pages, &counted, sizeof(counted)))
		return 0;
	for (unsigned int other = 0; other < (uint64_t)at->spaces; other++) {
		struct kvt_vm its = { .kvm = vm->kvm };

		if (other == space)
			continue;
		int failed = read_set(kvt, other, &its, unused);
		sum += pages_of(&its);
		is_missing |= its.missing[0];
		is_making |= sum > counted && has_slot_of(&its, sum - counted);
		free(its.slots);
		if (failed)
			return 0;
	}
	is_making |= sum > counted && has_slot_of(vm, sum - counted);
	if (sum == counted)
		vm->missing[0] = 0;
	if (sum == counted || is_missing || is_making)
		return 0;
	snprintf(unused, sizeof(unused), "struct kvm records 0x%" PRIx64 " pages in memslots, but 0x%" PRIx64 " were found",
		 counted, sum);
	if (sum > counted)
		return kvt_fail(why, "%s: the dump is damaged there", unused);
	memcpy(vm->missing, unused, sizeof(vm->missing));
	return 0;
}

int kvt_open_vm(struct kvt *kvt, uint64_t kvm, unsigned int space, struct kvt_vm *vm, char *why)
{
	const struct kvt_layout *at = &kvt->at;

	memset(vm, 0, sizeof(*vm));
	vm->kvm = kvm;
	if (space >= (uint64_t)at->spaces)
		return kvt_fail(why, "address space %u does not exist; valid: %s", space, at->spaces == 1 ? "0" : "0, 1");
	if (read_mm(kvt, vm, why) || read_set(kvt, space, vm, why) || check_count(kvt, space, vm, why))
		return -1;
	return sort_slots(vm, why);
}

void kvt_close_vm(struct kvt_vm *vm)
{
	free(vm->slots);
	memset(vm, 0, sizeof(*vm));
}
