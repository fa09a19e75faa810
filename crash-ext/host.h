/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host as crash knows it, for the walker. */
#ifndef QEMU_VTOP_HOST_H
#define QEMU_VTOP_HOST_H

#include "defs.h" /* crash's own */
#include "walker.h"

struct host {
	struct kvt kvt;
	long swap_stride;		/* size of an element of swap_info in bytes; 0: unknown */
	/* offsets in struct file, dentry, files_struct, fdtable; -1: no such member */
	long file_f_op, file_private_data, file_dentry;
	long dentry_name, dentry_name_len;
	long files_fdt, fdtable_max_fds, fdtable_fd;
	long task_files;
	long kvm_vm_list, kvm_userspace_pid;
	ulong vm_fops;			/* 0: no such symbol */
	ulong vm_list;
	ulong max_pfn;			/* the last frame that the kernel knows, plus one; 0: unknown */
};

/* Fills in the members from crash's types and symbols. Ends the command if KVM's types are not loaded. */
void host_init(struct host *host);

/* Fills in the swap areas and the kinds of swap entries. */
void host_init_swap(struct host *host);

/* Offset of a member in its structure, in bytes; -1 if this kernel does not have it. host_path: of a member of a member. */
long host_offset(char *structure, char *member);
long host_path(char *structure, char *member, char *inner, char *name);

/* Reads kernel memory through crash; 0 if it is there. Prints nothing. */
int host_read(ulong address, void *bytes, size_t size);

/* The name of a swap area's device, in `name`; NULL if it cannot be read. */
const char *host_swap_device(const struct host *host, int type, char *name, size_t size);

/* Runs a function in which an error of crash may end the command; 0 if it returned, 1 if it did not. */
int guarded(void (*work)(void *), void *argument);

/* A VM that a process holds. */
struct held_vm {
	long fd;			/* -1: not known */
	ulong kvm;
};

enum { MOST_HELD = 64 };

/*
 * Finds the VMs of a task: by its file descriptors; if these hold none, the VMs of vm_list whose memory is the task's; if
 * they cannot be read, also the VMs that its pid created. Returns their number; `is_partial`: there may be others.
 */
int find_vms(const struct host *host, struct task_context *task, struct held_vm *held, int *is_partial);

/* A task that has this memory; NULL if there is none. */
struct task_context *task_of_mm(ulong mm);

#endif
