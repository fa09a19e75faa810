// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a guest's page is private: kvm.mem_attr_array, an XArray of attributes indexed by guest frame (lib/xarray.c). */
#include "walker.h"

enum { CHUNK_BITS = 6, CHUNK = 1 << CHUNK_BITS, PRIVATE = 1 << 3 };

static int is_internal(uint64_t entry)
{
	return (entry & 3) == 2;
}

static int is_node(uint64_t entry)
{
	return is_internal(entry) && entry > 4096;
}

static int slot_at(const struct kvt *kvt, uint64_t node, uint64_t index, uint64_t *entry)
{
	return index < CHUNK ? kvt_read_kernel(kvt, node + (uint64_t)kvt->at.xa_slots + index * 8, entry, 8) : -1;
}

/* Finds the entry at an index, 0 if there is none. Returns -1 if it cannot be determined. */
static int entry_at(const struct kvt *kvt, uint64_t head, uint64_t index, uint64_t *entry)
{
	int shift = -1;

	*entry = is_node(head) ? head : index || is_internal(head) ? 0 : head;
	while (is_node(*entry)) {
		uint64_t node = *entry - 2;
		unsigned char found;

		if (kvt_read_kernel(kvt, node + (uint64_t)kvt->at.xa_shift, &found, 1))
			return -1;
		if (shift < 0 ? found > 60 || found % CHUNK_BITS : found != shift - CHUNK_BITS)
			return -1;
		if (shift < 0 && found + CHUNK_BITS < 64 && index >> (found + CHUNK_BITS)) {
			*entry = 0;
			return 0;
		}
		shift = found;
		if (slot_at(kvt, node, index >> shift & (CHUNK - 1), entry))
			return -1;
		/* A sibling entry: it refers to another slot of the node. */
		if (is_internal(*entry) && *entry < 256 && slot_at(kvt, node, *entry >> 2, entry))
			return -1;
	}
	if (is_internal(*entry))
		*entry = 0;
	return 0;
}

int kvt_is_private(const struct kvt *kvt, const struct kvt_vm *vm, uint64_t frame)
{
	uint64_t head, entry;

	if (kvt->at.kvm_attributes < 0 || kvt->at.xa_slots < 0)
		return -1;
	if (kvt_read_kernel(kvt, vm->kvm + (uint64_t)kvt->at.kvm_attributes, &head, 8) ||
	    entry_at(kvt, head, frame, &entry))
		return -1;
	/* A value entry: bit 0 is set, the number is in the bits above. */
	return entry == 0 ? 0 : entry & 1 ? (entry >> 1 & PRIVATE) != 0 : -1;
}
