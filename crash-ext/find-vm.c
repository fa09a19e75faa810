// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the VMs of a process: open files whose operations are KVM's, or whose name is "kvm-vm". */
#include "host.h"

/* The default of fs.nr_open. A larger table is treated as one that cannot be read. */
enum { MOST_FDS = 1 << 20, MOST_VMS = 1 << 16 };
static const char NAME[] = "kvm-vm";

enum verdict { NO, YES, UNKNOWN };

/* Whether the name of a file's dentry is exactly this one: not "kvm-vm-stats", and not a path that contains it. */
static enum verdict is_named(const struct host *host, ulong file)
{
	char text[sizeof(NAME)];
	ulong dentry, name;
	unsigned int length;

	if (host_read(file + (ulong)host->file_dentry, &dentry, sizeof(dentry)) ||
	    host_read(dentry + (ulong)host->dentry_name, &name, sizeof(name)) ||
	    host_read(dentry + (ulong)host->dentry_name_len, &length, sizeof(length)))
		return UNKNOWN;
	if (length != sizeof(NAME) - 1)
		return NO;
	if (host_read(name, text, sizeof(NAME) - 1))
		return UNKNOWN;
	return memcmp(text, NAME, sizeof(NAME) - 1) ? NO : YES;
}

static enum verdict is_vm(const struct host *host, ulong file, ulong *kvm)
{
	enum verdict verdict;
	ulong operations;

	if (host->vm_fops) {
		if (host_read(file + (ulong)host->file_f_op, &operations, sizeof(operations)))
			return UNKNOWN;
		verdict = operations == host->vm_fops ? YES : NO;
	} else
		verdict = is_named(host, file);
	if (verdict != YES)
		return verdict;
	if (host_read(file + (ulong)host->file_private_data, kvm, sizeof(*kvm)))
		return UNKNOWN;
	return *kvm ? YES : NO;
}

struct found {
	struct held_vm *held;
	int count;
	int is_partial;			/* something cannot be read that may be a VM */
};

static void add(struct found *found, long fd, ulong kvm)
{
	for (int i = 0; i < found->count; i++)
		if (found->held[i].kvm == kvm)
			return;
	if (found->count == MOST_HELD)
		found->is_partial = TRUE;
	else
		found->held[found->count++] = (struct held_vm){ fd, kvm };
}

static void by_files(const struct host *host, ulong task, struct found *found)
{
	ulong files, table, array, file, kvm;
	unsigned int most;

	if (host_read(task + (ulong)host->task_files, &files, sizeof(files))) {
		found->is_partial = TRUE;
		return;
	}
	if (!files)
		return;
	if (host_read(files + (ulong)host->files_fdt, &table, sizeof(table)) ||
	    host_read(table + (ulong)host->fdtable_max_fds, &most, sizeof(most)) ||
	    host_read(table + (ulong)host->fdtable_fd, &array, sizeof(array)) || most > MOST_FDS) {
		found->is_partial = TRUE;
		return;
	}
	for (unsigned int fd = 0; fd < most; fd++) {
		if (host_read(array + fd * sizeof(ulong), &file, sizeof(file))) {
			/* The other descriptors on this page cannot be read either. */
			found->is_partial = TRUE;
			fd += (4096 - (array + fd * sizeof(ulong)) % 4096) / sizeof(ulong) - 1;
			continue;
		}
		enum verdict verdict = file ? is_vm(host, file, &kvm) : NO;
		if (verdict == YES)
			add(found, (long)fd, kvm);
		found->is_partial |= verdict == UNKNOWN;
	}
}

/* Adds the VMs of vm_list whose memory is the task's; `by_pid`: also those that its pid created. */
static void by_list(const struct host *host, struct task_context *task, int by_pid, struct found *found)
{
	ulong link = host->vm_list, next, mm;
	int pid;

	if (!link || host->kvm_vm_list < 0)
		return;
	for (int i = 0; i < MOST_VMS; i++, link = next) {
		if (host_read(link, &next, sizeof(next)))
			break;
		if (next == host->vm_list)
			return;
		ulong kvm = next - (ulong)host->kvm_vm_list;
		if (host_read(kvm + (ulong)host->kvt.at.kvm_mm, &mm, sizeof(mm)))
			found->is_partial = TRUE;
		else if (mm && mm == task->mm_struct)
			add(found, -1, kvm);
		if (by_pid && host->kvm_userspace_pid >= 0 &&
		    !host_read(kvm + (ulong)host->kvm_userspace_pid, &pid, sizeof(pid)) &&
		    (ulong)pid == task_tgid(task->task))
			add(found, -1, kvm);
	}
	found->is_partial = TRUE;
}

int find_vms(const struct host *host, struct task_context *task, struct held_vm *held, int *is_partial)
{
	struct found found = { .held = held };

	by_files(host, task->task, &found);
	/* Pids are reused: a VM that an earlier process with this pid created does not belong to this one. */
	if (!found.count)
		by_list(host, task, found.is_partial, &found);
	*is_partial = found.is_partial;
	return found.count;
}

struct task_context *task_of_mm(ulong mm)
{
	struct task_context *task = FIRST_CONTEXT();

	for (ulong i = 0; i < RUNNING_TASKS(); i++, task++)
		if (task->mm_struct == mm)
			return task;
	return NULL;
}
