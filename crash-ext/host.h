/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What crash knows of the host, for the walker. */
#ifndef QEMU_VTOP_HOST_H
#define QEMU_VTOP_HOST_H

#include "defs.h" /* crash's own */
#include "walker.h"

struct host {
	struct kvt kvt;
	long swap_stride;		/* bytes of an element of swap_info; 0: not known */
	/* of struct file, dentry, files_struct, fdtable; -1: no such member */
	long file_f_op, file_private_data, file_dentry;
	long dentry_name, dentry_name_len;
	long files_fdt, fdtable_max_fds, fdtable_fd;
	long task_files;
	long kvm_vm_list, kvm_userspace_pid;
	ulong vm_fops;			/* 0: no such symbol */
	ulong vm_list;
	ulong max_pfn;			/* one more than the last frame that the kernel knows; 0: not known */
};

/* Reads what crash's types and symbols tell. Ends the command where KVM's types are not loaded. */
void host_init(struct host *host);

/* Swap areas and the kinds of swap entries. */
void host_init_swap(struct host *host);

/* Where a member is in its structure, in bytes; -1 where this kernel has none. And of a member of a member. */
long host_offset(char *structure, char *member);
long host_path(char *structure, char *member, char *inner, char *name);

/* Kernel memory through crash; 0 if it is there. Says nothing. */
int host_read(ulong address, void *bytes, size_t size);

/* The name of a swap area's device, in `name`; NULL if it can't be told. */
const char *host_swap_device(const struct host *host, int type, char *name, size_t size);

/* Runs what may end the command by an error of crash; 0 if it came to its end. */
int guarded(void (*work)(void *), void *argument);

/* A VM that a process holds. */
struct held_vm {
	long fd;			/* -1: not known */
	ulong kvm;
};

enum { MOST_HELD = 64 };

/*
 * The VMs of a task: by its descriptors; where they hold none, those of vm_list whose memory is the task's, and where
 * they can't be read also those that its pid made. How many there are; `is_partial`: there may be others.
 */
int find_vms(const struct host *host, struct task_context *task, struct held_vm *held, int *is_partial);

/* A task whose memory this is; NULL if there is none. */
struct task_context *task_of_mm(ulong mm);

#endif
