// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads memslots that are in a red-black tree by guest frame, as since Linux 5.17. */
#include "memslots.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Most levels of a red-black tree with 2^32 nodes. */
enum { DEEPEST = 64 };

/* Fails if the slot's node in the tree of addresses (virt/kvm/kvm_main.c, kvm_replace_memslot) has other ones. */
static int check_addresses(const struct kvt_layout *at, const unsigned char *bytes, uint32_t index,
			   const struct kvt_slot *slot, char *why)
{
	const unsigned char *node = bytes + at->slot_hva_node + (int64_t)index * at->slot_hva_node_size;

	if (at->slot_hva_node < 0 || at->interval_start < 0 || at->interval_last < 0)
		return 0;
	uint64_t start = kvt_number(node + at->interval_start, 8), last = kvt_number(node + at->interval_last, 8);
	if (start == slot->hva && last == slot->hva + slot->pages * PAGE - 1)
		return 0;
	return kvt_fail(why, "memslot %" PRId64 " has 0x%" PRIx64 " pages at 0x%" PRIx64 ", but hva_node has 0x%" PRIx64 " to 0x%" PRIx64
			": the dump is damaged there", slot->id, slot->pages, slot->hva, start, last);
}

static const struct kvt_ids tree_ids = { MOST_SLOTS - INTERNAL, MOST_SLOTS };

/* A node of the tree that was read: its slot, and the child whose slots follow. */
struct visited {
	struct kvt_slot slot;
	uint64_t node;
	uint64_t right;
};

/* A walk through the tree, from the lowest slot up. Nodes that were read are on the stack until their slot is next. */
struct walk {
	struct kvt *kvt;
	struct kvt_vm *vm;
	uint32_t index;			/* which links of the slots are used */
	struct visited stack[DEEPEST];
	size_t depth;
	size_t met;
};

/* Reads the node `child` below `parent`. Returns 1 if its slot can't be read, -1 if it is damaged. */
static int read_node(struct walk *walk, uint64_t child, uint64_t parent, struct visited *found, uint64_t *left, char *why)
{
	const struct kvt_layout *at = &walk->kvt->at;
	uint64_t to_slot = (uint64_t)(at->slot_node + (int64_t)walk->index * at->slot_node_size);
	uint64_t address = child - to_slot;
	unsigned char bytes[SLOT_BYTES];

	if (kvt_read_kernel(walk->kvt, address, bytes, (size_t)at->slot_size)) {
		snprintf(walk->vm->missing, sizeof(walk->vm->missing), "the memslot at 0x%" PRIx64 " can't be read", address);
		return 1;
	}
	uint64_t up = kvt_number(bytes + to_slot + at->rb_parent, 8) & ~UINT64_C(3);
	if (up != parent)
		return kvt_fail(why, "memslot tree: a node below 0x%" PRIx64 " names 0x%" PRIx64 " as its parent", parent, up);
	found->node = child;
	found->right = kvt_number(bytes + to_slot + at->rb_right, 8);
	*left = kvt_number(bytes + to_slot + at->rb_left, 8);
	if (kvt_parse_slot(walk->kvt, bytes, address, 0, tree_ids, &found->slot, why))
		return -1;
	if (!found->slot.pages)
		return kvt_fail(why, "memslot %" PRId64 " has no pages, but is in use: the dump is damaged there", found->slot.id);
	return check_addresses(at, bytes, walk->index, &found->slot, why);
}

/* Puts the node `child` below `parent` on the stack, and those to its left. */
static int descend(struct walk *walk, uint64_t child, uint64_t parent, char *why)
{
	while (child) {
		uint64_t left = 0;

		if (walk->depth == DEEPEST)
			return kvt_fail(why, "memslot tree: deeper than %d at 0x%" PRIx64, DEEPEST, child);
		if (walk->met++ == MOST_SLOTS)
			return kvt_fail(why, "memslot tree: more than %d slots", MOST_SLOTS);
		int failed = read_node(walk, child, parent, &walk->stack[walk->depth], &left, why);
		if (failed)
			return failed > 0 ? 0 : -1;
		walk->depth++;
		parent = child;
		child = left;
	}
	return 0;
}

static int walk_tree(struct walk *walk, uint64_t root, char *why)
{
	struct kvt_slot before = { .first = 0 };
	int is_first = 1;

	if (descend(walk, root, 0, why))
		return -1;
	while (walk->depth) {
		struct visited next = walk->stack[--walk->depth];

		if ((!is_first && kvt_check_order(&before, &next.slot, why)) || kvt_add_slot(walk->vm, &next.slot, why))
			return -1;
		is_first = 0;
		before = next.slot;
		if (descend(walk, next.right, next.node, why))
			return -1;
	}
	return 0;
}

int kvt_read_tree(struct kvt *kvt, uint64_t set, struct kvt_vm *vm, char *why)
{
	const struct kvt_layout *at = &kvt->at;
	struct walk *walk = calloc(1, sizeof(*walk));
	uint64_t root;
	int failed;

	if (!walk)
		return kvt_fail(why, "no memory left");
	walk->kvt = kvt;
	walk->vm = vm;
	if (kvt_read_kernel(kvt, set + (uint64_t)at->set_tree, &root, sizeof(root)) ||
	    kvt_read_kernel(kvt, set + (uint64_t)at->set_index, &walk->index, sizeof(walk->index)))
		failed = kvt_fail(why, "struct kvm_memslots at 0x%" PRIx64 " can't be read", set);
	else if (walk->index > 1 || at->slot_size <= 0 || at->slot_size > SLOT_BYTES)
		failed = kvt_fail(why, "node_idx of struct kvm_memslots at 0x%" PRIx64 " can't be %" PRIu32, set, walk->index);
	else
		failed = walk_tree(walk, root, why);
	free(walk);
	return failed;
}
