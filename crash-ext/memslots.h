/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the readers of memslots share: memslots.c, and memslots-tree.c for those that are in a tree. */
#ifndef KVT_MEMSLOTS_H
#define KVT_MEMSLOTS_H

#include "walker.h"

/* KVM_MEM_SLOTS_NUM is at most SHRT_MAX, of which the last three are KVM's own. */
enum { MOST_SLOTS = 32767, INTERNAL = 3 };
/* A slot has a few hundred bytes. */
enum { SLOT_BYTES = 4096 };
#define PAGE UINT64_C(4096)

/* Ids of slots: all are below `all`, and those from `user` on are KVM's own. */
struct kvt_ids {
	int64_t user;
	int64_t all;
};

/* Writes why something failed. Returns -1. */
__attribute__((format(printf, 2, 3))) int kvt_fail(char *why, const char *format, ...);

/* An unsigned little-endian number of `size` bytes. */
uint64_t kvt_number(const unsigned char *bytes, size_t size);

int kvt_add_slot(struct kvt_vm *vm, const struct kvt_slot *slot, char *why);

/* `place`: the id to use if slots have none. */
int kvt_parse_slot(const struct kvt *kvt, const unsigned char *bytes, uint64_t address, int64_t place, struct kvt_ids ids,
		   struct kvt_slot *slot, char *why);

/* Fails if a slot begins before the one that precedes it in the order of guest frames. */
int kvt_check_order(const struct kvt_slot *before, const struct kvt_slot *after, char *why);

/* Reads the slots of a struct kvm_memslots that has them in a tree (since Linux 5.17). */
int kvt_read_tree(struct kvt *kvt, uint64_t set, struct kvt_vm *vm, char *why);

#endif
