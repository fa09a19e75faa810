// SPDX-License-Identifier: GPL-2.0-or-later
/* Translates a guest physical address: its slot, host virtual and host physical address, or the reason why there is none. */
#include "walker.h"

#include <inttypes.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define PHYSICAL_END (UINT64_C(1) << 52)

struct meaning {
	const char *state, *reason, *message;
};

static const struct meaning meanings[] = {
	[KVT_UNKNOWN] = { "damaged", "bad-entry", "the meaning of the entry is not known for this kernel" },
	[KVT_SWAP] = { "swapped", "swap-entry", "the page has been swapped out" },
	[KVT_MIGRATION] = { "migrating", "migration-entry", "the page was being migrated from the frame in the entry" },
	[KVT_HWPOISON] = { "poisoned", "hwpoison-entry", "the frame in the entry has a memory error and is no longer used" },
	[KVT_DEVICE_PRIVATE] = { "not-present", "device-private", "the page is in the memory of a device" },
	[KVT_DEVICE_EXCLUSIVE] = { "not-present", "device-exclusive",
				   "a device has exclusive access to the frame in the entry" },
	[KVT_MARKER] = { "marker", "marker-entry", "the entry is a marker (userfaultfd, guard, poison), not a page" },
	[KVT_SWAPIN_ERROR] = { "marker", "swapin-error", "the page was lost: reading it back from swap failed" },
};

static void end(struct kvt_answer *answer, const char *state, const char *reason, const char *message)
{
	answer->state = state;
	answer->reason = reason;
	snprintf(answer->message, sizeof(answer->message), "%s", message);
}

/*
 * Type and offset of an entry. Since the L1TF fix the type is in bits 59 to 63, and the offset is in bits 9 to 58, inverted,
 * so that bit 58 is set (arch/x86/include/asm/pgtable_64.h). Before, neither is inverted: they start at bits 1 and 9, or with
 * `swap_late` at bits 9 and 14.
 */
static int is_inverted(uint64_t entry)
{
	return entry >> 58 & 1;
}

static void parse_entry(const struct kvt *kvt, uint64_t entry, int *type, uint64_t *offset)
{
	if (is_inverted(entry)) {
		*type = (int)(entry >> 59);
		*offset = ~entry << 5 >> 14;
	} else if (kvt->at.swap_late > 0) {
		*type = entry >> 9 & 31;
		*offset = entry >> 14;
	} else {
		*type = entry >> 1 & 31;
		*offset = entry >> 9;
	}
}

static int names_a_frame(enum kvt_kind kind)
{
	return kind == KVT_MIGRATION || kind == KVT_HWPOISON || kind == KVT_DEVICE_PRIVATE || kind == KVT_DEVICE_EXCLUSIVE;
}

static void special(const struct kvt *kvt, const struct kvt_walk *walk, struct kvt_answer *answer)
{
	/* _PAGE_BIT_FILE: an offset in a file mapping that is not linear, up to 4.0. */
	enum { FILE_BIT = 0x40 };
	uint64_t entry = walk->walk[walk->steps - 1].entry, offset;
	enum kvt_kind kind;
	int type;

	parse_entry(kvt, entry, &type, &offset);
	kind = kvt->kinds[type];
	if (!is_inverted(entry) && ((entry & FILE_BIT) || kvt->at.swap_late < 0))
		kind = KVT_UNKNOWN;
	/* One entry never swaps out a whole table of pages, and a swap entry refers to a place inside an existing area. */
	if (kind == KVT_SWAP && (walk->level > 0 || offset >= kvt->swap_pages[type]))
		kind = KVT_UNKNOWN;
	end(answer, meanings[kind].state, meanings[kind].reason, meanings[kind].message);
	if (kind == KVT_SWAP) {
		answer->swap_type = type;
		answer->swap_offset = offset;
	}
	if (names_a_frame(kind)) {
		uint64_t inside = answer->hva / PAGE % (UINT64_C(1) << 9 * walk->level);

		answer->has_frame = 1;
		answer->frame = offset % (UINT64_C(1) << (kvt->at.physmem_bits - 12)) + inside;
	}
}

static void not_mapped(const struct kvt *kvt, const struct kvt_vm *vm, const struct kvt_walk *walk,
		       struct kvt_answer *answer)
{
	const char *name = kvt_level_name(kvt, walk->level);
	char words[KVT_WORDS];

	switch (walk->end) {
	case KVT_MISSING:
		snprintf(words, sizeof(words), "its %s table at 0x%" PRIx64 " can't be read", name, walk->physical);
		end(answer, "table-missing", "table-unreadable", words);
		break;
	case KVT_EMPTY:
		snprintf(words, sizeof(words), "the %s entry is empty: no page is mapped there", name);
		if (vm->users)
			end(answer, "not-present", "empty-entry", words);
		else
			end(answer, "not-present", "address-space-gone",
			    "the address space that contained the VM is gone: its processes have exited");
		break;
	case KVT_SPECIAL:
		special(kvt, walk, answer);
		break;
	default:
		snprintf(words, sizeof(words), "the %s entry is not valid", name);
		end(answer, "damaged", "bad-entry", words);
	}
}

static const struct kvt_slot *slot_of(const struct kvt_vm *vm, uint64_t frame)
{
	for (size_t low = 0, high = vm->count; low < high;) {
		size_t middle = low + (high - low) / 2;
		const struct kvt_slot *slot = &vm->slots[middle];

		if (frame < slot->first)
			high = middle;
		else if (frame - slot->first >= slot->pages)
			low = middle + 1;
		else
			return slot;
	}
	return NULL;
}

static void no_slot(const struct kvt_vm *vm, struct kvt_answer *answer)
{
	char words[2 * KVT_WORDS];

	if (answer->gpa >= PHYSICAL_END)
		end(answer, "no-memslot", "beyond-physical", "guest physical addresses must be below 2^52");
	else if (!vm->missing[0])
		end(answer, "no-memslot", "no-slot", "no memslot of this address space holds it");
	else {
		snprintf(words, sizeof(words), "no memslot that can be read holds it: %s", vm->missing);
		end(answer, "slots-missing", "slot-unreadable", words);
	}
}

/* In a slot with guest_memfd, only pages known to be shared are at their host virtual address. */
static int in_memfd(const struct kvt *kvt, const struct kvt_vm *vm, struct kvt_answer *answer)
{
	int secret = answer->slot->gmem_only ? 1 : kvt_is_private(kvt, vm, answer->gpa / PAGE);

	if (answer->slot->gmem_only)
		end(answer, "guest-memfd", "gmem-only",
		    "all pages of this slot are in its guest_memfd, not at the host virtual address");
	else if (secret > 0)
		end(answer, "guest-memfd", "gmem-private",
		    "the page is private: it is in the guest_memfd, not at the host virtual address");
	else if (secret < 0)
		end(answer, "guest-memfd", "gmem-attribute-unreadable",
		    "it is not known whether the page is private and in the guest_memfd: its attributes can't be read");
	return secret != 0;
}

void kvt_translate(const struct kvt *kvt, const struct kvt_vm *vm, uint64_t gpa, struct kvt_answer *answer)
{
	const struct kvt_slot *slot;
	struct kvt_walk walk;

	memset(answer, 0, sizeof(*answer));
	answer->gpa = gpa;
	answer->swap_type = -1;
	answer->slot = slot = gpa < PHYSICAL_END ? slot_of(vm, gpa / PAGE) : NULL;
	if (!slot) {
		no_slot(vm, answer);
		return;
	}
	answer->has_hva = 1;
	answer->hva = slot->hva + (gpa - slot->first * PAGE);
	if (slot->gmem && in_memfd(kvt, vm, answer))
		return;
	if (answer->hva >> (9 * kvt->at.levels + 11)) {
		end(answer, "noncanonical", "hva-noncanonical", "the host virtual address is not a user-space address");
		return;
	}
	kvt_walk(kvt, vm->root, answer->hva, &walk);
	answer->top = walk.top;
	answer->steps = walk.steps;
	memcpy(answer->walk, walk.walk, sizeof(walk.walk));
	if (walk.end != KVT_MAPPED) {
		not_mapped(kvt, vm, &walk, answer);
		return;
	}
	answer->state = "mapped";
	answer->hpa = walk.physical;
	answer->page_size = PAGE << 9 * walk.level;
	answer->prot_none = walk.prot_none;
}
