// SPDX-License-Identifier: GPL-2.0-or-later
/* The VMs of a process: its descriptors are files whose operations are KVM's, or whose name is "kvm-vm". */
#include "host.h"

/* sysctl_nr_open lets no process have more (fs/file.c). */
enum { MOST_FDS = 1 << 20, MOST_VMS = 1 << 16 };
static const char NAME[] = "kvm-vm";

/* Whether a file's dentry has this very name: "kvm-vm-stats" is none, nor is a path that has it inside. */
static int is_named(const struct host *host, ulong file)
{
	char text[sizeof(NAME)];
	ulong dentry, name;
	unsigned int length;

	if (host->file_dentry < 0 || host->dentry_name < 0 || host->dentry_name_len < 0 ||
	    host_read(file + (ulong)host->file_dentry, &dentry, sizeof(dentry)) ||
	    host_read(dentry + (ulong)host->dentry_name, &name, sizeof(name)) ||
	    host_read(dentry + (ulong)host->dentry_name_len, &length, sizeof(length)) || length != sizeof(NAME) - 1 ||
	    host_read(name, text, sizeof(NAME) - 1))
		return 0;
	return !memcmp(text, NAME, sizeof(NAME) - 1);
}

static int is_vm(const struct host *host, ulong file, ulong *kvm)
{
	ulong operations;

	if (host_read(file + (ulong)host->file_f_op, &operations, sizeof(operations)) ||
	    host_read(file + (ulong)host->file_private_data, kvm, sizeof(*kvm)) || !*kvm)
		return 0;
	return host->vm_fops ? operations == host->vm_fops : is_named(host, file);
}

static int add(struct held_vm *held, int count, long fd, ulong kvm)
{
	for (int i = 0; i < count; i++)
		if (held[i].kvm == kvm)
			return count;
	if (count == MOST_HELD) {
		error(INFO, "more than %d VMs, the others are left out\n", MOST_HELD);
		return count;
	}
	held[count] = (struct held_vm){ fd, kvm };
	return count + 1;
}

/* -1: the descriptors can't be read. */
static int by_files(const struct host *host, ulong task, struct held_vm *held)
{
	ulong files, table, array;
	unsigned int most;
	int count = 0;

	if (host_read(task + (ulong)host->task_files, &files, sizeof(files)))
		return -1;
	if (!files)
		return 0;
	if (host_read(files + (ulong)host->files_fdt, &table, sizeof(table)) ||
	    host_read(table + (ulong)host->fdtable_max_fds, &most, sizeof(most)) ||
	    host_read(table + (ulong)host->fdtable_fd, &array, sizeof(array)) || most > MOST_FDS)
		return -1;
	for (unsigned int fd = 0; fd < most; fd++) {
		ulong file, kvm;

		if (host_read(array + fd * sizeof(ulong), &file, sizeof(file))) {
			error(INFO, "descriptors from %u on can't be read\n", fd);
			break;
		}
		if (file && is_vm(host, file, &kvm))
			count = add(held, count, (long)fd, kvm);
	}
	return count;
}

/* Those of vm_list whose memory is the task's, or that its pid made. */
static int by_list(const struct host *host, struct task_context *task, struct held_vm *held)
{
	ulong link = host->vm_list, next, mm;
	int count = 0, pid = -1;

	if (!link || host->kvm_vm_list < 0)
		return 0;
	for (int i = 0; i < MOST_VMS; i++) {
		if (host_read(link, &next, sizeof(next))) {
			error(INFO, "the list of VMs can't be read from %lx on\n", link);
			break;
		}
		if (next == host->vm_list)
			break;
		ulong kvm = next - (ulong)host->kvm_vm_list;
		if (host_read(kvm + (ulong)host->kvt.at.kvm_mm, &mm, sizeof(mm)))
			mm = 0;
		if (host->kvm_userspace_pid >= 0 &&
		    host_read(kvm + (ulong)host->kvm_userspace_pid, &pid, sizeof(pid)))
			pid = -1;
		if ((mm && mm == task->mm_struct) || (pid >= 0 && (ulong)pid == task->pid))
			count = add(held, count, -1, kvm);
		link = next;
	}
	return count;
}

int find_vms(const struct host *host, struct task_context *task, struct held_vm *held)
{
	int count = by_files(host, task->task, held);

	return count > 0 ? count : by_list(host, task, held);
}

struct task_context *task_of_mm(ulong mm)
{
	struct task_context *task = FIRST_CONTEXT();

	for (ulong i = 0; i < RUNNING_TASKS(); i++, task++)
		if (task->mm_struct == mm)
			return task;
	return NULL;
}
