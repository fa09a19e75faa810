// SPDX-License-Identifier: GPL-2.0-or-later
/* Walks page tables of x86-64, with 4 or 5 levels (arch/x86/include/asm/pgtable_types.h). */
#include "walker.h"

#include <string.h>

enum { PRESENT = 0x1, ACCESSED = 0x20, DIRTY = 0x40, PSE = 0x80, PROTNONE = 0x100 };
#define ADDRESS UINT64_C(0xffffffffff000)
#define PAGE UINT64_C(4096)

static uint64_t address_mask(const struct kvt *kvt)
{
	return ADDRESS & ~(uint64_t)kvt->at.sme_mask;
}

/* Number of bytes that an entry of a level maps. */
static uint64_t size_of(int level)
{
	return PAGE << (9 * level);
}

/*
 * Entries of PROT_NONE pages have their frame inverted (L1TF, arch/x86/include/asm/pgtable-invert.h). The highest bit of the
 * address shows it, since no machine has memory there.
 */
static uint64_t undo_inversion(const struct kvt *kvt, uint64_t entry)
{
	uint64_t mask = address_mask(kvt);
	uint64_t top = UINT64_C(1) << 51 & mask ? UINT64_C(1) << 51 : UINT64_C(1) << 50;

	return entry & top ? entry ^ ADDRESS : entry;
}

static void leaf(const struct kvt *kvt, uint64_t entry, uint64_t address, struct kvt_walk *walk)
{
	uint64_t size = size_of(walk->level);

	walk->end = KVT_MAPPED;
	/* The lowest address bits of a large leaf are flags (PAT). */
	walk->physical = (entry & address_mask(kvt) & ~(size - 1)) | (address & (size - 1));
}

/* Address bits of a large leaf below its size are reserved, except the lowest (Intel SDM 3A, table 4-16). */
static int has_reserved(int level, uint64_t entry)
{
	return level > 0 && (entry & (size_of(level) - 1) & ~UINT64_C(0x1fff));
}

/*
 * An entry without PRESENT still maps a page: for pte_present if it has PROT_NONE, for pmd_present if it has PROT_NONE or PSE
 * (a huge page that is being split), for a hugetlbfs page of 1 GiB if it has PROT_NONE and PSE
 * (arch/x86/include/asm/pgtable.h, mm/hugetlb.c). An erratum may set A and D in empty entries.
 */
static void not_present(const struct kvt *kvt, uint64_t entry, uint64_t address, struct kvt_walk *walk)
{
	static const unsigned int present[] = { PROTNONE, PSE, PROTNONE | PSE };

	if (!(entry & ~(uint64_t)(ACCESSED | DIRTY)))
		walk->end = KVT_EMPTY;
	else if (walk->level > 2)
		walk->end = KVT_BAD;
	else if ((entry & present[walk->level]) == present[walk->level]) {
		walk->prot_none = 1;
		leaf(kvt, undo_inversion(kvt, entry), address, walk);
	} else
		walk->end = entry & (PROTNONE | PSE) ? KVT_BAD : KVT_SPECIAL;
}

void kvt_walk(const struct kvt *kvt, uint64_t root, uint64_t address, struct kvt_walk *walk)
{
	uint64_t table = root & ~(PAGE - 1);

	memset(walk, 0, sizeof(*walk));
	walk->top = (int)kvt->at.levels - 1;
	for (walk->level = walk->top;; walk->level--) {
		uint64_t at = table + (address / size_of(walk->level) % 512) * 8;
		uint64_t entry;

		if (kvt->read(kvt->context, at, &entry, sizeof(entry))) {
			walk->end = KVT_MISSING;
			walk->physical = table;
			return;
		}
		walk->walk[walk->steps++] = (struct kvt_step){ at, entry };
		if (!(entry & PRESENT)) {
			not_present(kvt, entry, address, walk);
			return;
		}
		if (walk->level > 0 && !(entry & PSE)) {
			table = entry & address_mask(kvt);
			continue;
		}
		if (walk->level > 2 || has_reserved(walk->level, entry))
			walk->end = KVT_BAD;
		else
			leaf(kvt, entry, address, walk);
		return;
	}
}

int kvt_read_kernel(const struct kvt *kvt, uint64_t address, void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		size_t part = PAGE - (address + done) % PAGE;
		struct kvt_walk walk;

		if (part > size - done)
			part = size - done;
		kvt_walk(kvt, (uint64_t)kvt->at.kernel_root, address + done, &walk);
		if (walk.end != KVT_MAPPED || kvt->read(kvt->context, walk.physical, (char *)bytes + done, part))
			return -1;
		done += part;
	}
	return 0;
}

const char *kvt_level_name(const struct kvt *kvt, int level)
{
	static const char *const names[] = { "PTE", "PMD", "PUD", "P4D", "PGD" };

	return names[level == kvt->at.levels - 1 ? 4 : level];
}
