// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qemu-vtop: a command for crash. Translates physical addresses of a KVM guest to QEMU's virtual and the host's physical
 * addresses.
 *
 * The command, its options and its output are those of the extension that Qiao Nuohan posted to crash-utility in 2012; the
 * code is new. -v, -s and -j are additions.
 */
#include "host.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>

enum { MOST_ADDRESSES = 1024, COLUMN = 16 };

struct question {
	struct task_context *task;
	char *choice;			/* -v: a file descriptor, or the address of a struct kvm */
	unsigned int space;
	int json;
	char *addresses[MOST_ADDRESSES];
	int count;
};

static void cmd_qemu_vtop(void);

static char *help_qemu_vtop[] = {
	"qemu-vtop",
	"translate physical addresses of a KVM guest",
	"-g [pid | taskp] [-v fd|kvm] [-s space] [-j] -p address ...",

	"  Translates guest physical addresses to host virtual addresses, through the",
	"  memslots of the VM, and these to host physical addresses, through the page",
	"  tables of the process that created the VM. Then prints what \"vtop\" prints for",
	"  the host virtual address. (A memslot is a range of guest memory and its place",
	"  in the process.)",
	" ",
	"   -g [pid | taskp]  the process that holds the VM: a pid, or a hexadecimal",
	"                     task_struct pointer; of any of its threads",
	"   -p address        guest physical addresses, hexadecimal; any number of them",
	"   -v fd|kvm         which VM, if the process holds several: a descriptor, or",
	"                     the hexadecimal address of a struct kvm",
	"   -s space          address space: 0, or 1 for the memory that the guest sees",
	"                     in System Management Mode (SMM)",
	"   -j                print one line of JSON per address, as kvm-vtop --json does",
	" ",
	"  The debug information of kvm must be loaded: \"mod -s kvm\", or with the path",
	"  of kvm.ko or kvm.ko.debug, \"mod -s kvm FILE\". Linux 2.6.32 and later are",
	"  supported.",
	"\nEXAMPLE",
	"  Translate address 1001840 of the guest that process 136 runs:",
	" ",
	"    crash> mod -s kvm",
	"    crash> qemu-vtop -g 136 -p 1001840",
	"    GUEST PHYSICAL    HOST VIRTUAL      HOST PHYSICAL",
	"    1001840           7f5763e01840      f601840",
	" ",
	"       PGD: 18e47f0 => 44fe0067",
	"       PUD: 44fe0ae8 => 5c96067",
	"       PMD: 5c968f8 => 800000000f6008e7",
	"      PAGE: f600000  (2MB)",
	" ",
	"          PTE         PHYSICAL  FLAGS",
	"    800000000f6008e7   f600000  (PRESENT|RW|USER|ACCESSED|DIRTY|PSE|NX)",
	" ",
	"          VMA           START       END     FLAGS FILE",
	"    ffff8dfd8256a130 7f5762e00000 7f576be00000 28120073",
	" ",
	"          PAGE       PHYSICAL      MAPPING       INDEX CNT FLAGS",
	"    fffff8c5003d8040  f601000      20000000000        0  0 fffffc0000000",
	NULL
};

static struct command_table_entry command_table[] = {
	{ "qemu-vtop", cmd_qemu_vtop, help_qemu_vtop, 0 },
	{ NULL },
};

/* crash loads the file with RTLD_NOW and expects it to register itself. */
static void __attribute__((constructor)) qemu_vtop_init(void)
{
	register_extension(command_table);
}

static void __attribute__((destructor)) qemu_vtop_fini(void)
{
}

static void take_address(struct question *question, char *text)
{
	if (question->count == MOST_ADDRESSES)
		error(FATAL, "more than %d addresses\n", MOST_ADDRESSES);
	question->addresses[question->count++] = text;
}

static void parse(struct question *question)
{
	ulong value;
	int option;

	BZERO(question, sizeof(*question));
	while ((option = getopt(argcnt, args, "g:p:v:s:j")) != EOF)
		switch (option) {
		case 'g':
			if (str_to_context(optarg, &value, &question->task) == STR_INVALID || !question->task)
				error(FATAL, "invalid task or pid value: %s\n", optarg);
			break;
		case 'p':
			take_address(question, optarg);
			break;
		case 'v':
			question->choice = optarg;
			break;
		case 's':
			question->space = (unsigned int)dtol(optarg, FAULT_ON_ERROR, NULL);
			break;
		case 'j':
			question->json = TRUE;
			break;
		default:
			argerrs++;
		}
	while (args[optind])
		take_address(question, args[optind++]);
	if (argerrs || !question->count)
		cmd_usage(pc->curcmd, SYNOPSIS);
	if (!question->task)
		error(FATAL, "-g [pid | taskp] must be specified\n");
}

static void list_vms(const struct held_vm *held, int count)
{
	for (int i = 0; i < count; i++)
		if (held[i].fd < 0)
			fprintf(fp, "  fd ?   kvm %lx\n", held[i].kvm);
		else
			fprintf(fp, "  fd %-3ld kvm %lx\n", held[i].fd, held[i].kvm);
}

static struct held_vm choose(const struct host *host, const struct question *question)
{
	struct task_context *task = question->task;
	struct held_vm held[MOST_HELD];
	int is_partial, count = find_vms(host, task, held, &is_partial);
	char *end;

	if (!count)
		error(FATAL, "pid %ld (%s) does not hold a VM%s\n", (long)task->pid, task->comm,
		      is_partial ? " that can be read" : "");
	if (!question->choice && count == 1 && !is_partial)
		return held[0];
	for (int i = 0; question->choice && i < count; i++)
		if ((held[i].fd >= 0 && strtol(question->choice, &end, 10) == held[i].fd && !*end) ||
		    (strtoul(question->choice, &end, 16) == held[i].kvm && !*end))
			return held[i];
	list_vms(held, count);
	if (question->choice)
		error(FATAL, "pid %ld (%s) does not hold VM '%s'\n", (long)task->pid, task->comm, question->choice);
	error(FATAL, "pid %ld (%s) %s: choose one with -v\n", (long)task->pid, task->comm,
	      is_partial ? "may hold VMs that can't be read" : "holds several VMs");
	return held[0];
}

static void print_slots(const struct kvt_vm *vm)
{
	for (size_t i = 0; i < vm->count; i++)
		fprintf(fp, "  slot %-5lld %llx - %llx%s\n", (long long)vm->slots[i].id,
			(unsigned long long)vm->slots[i].first * 4096,
			(unsigned long long)(vm->slots[i].first + vm->slots[i].pages) * 4096 - 1,
			vm->slots[i].internal ? "  (KVM's own)" : "");
}

static const char *size_text(uint64_t size)
{
	return size == 4096 ? "4KB" : size == 2 * 1024 * 1024 ? "2MB" : "1GB";
}

/* Prints only the tables, for entries that crash cannot explain. */
static void print_tables(const struct kvt *kvt, const struct kvt_answer *answer)
{
	fputc('\n', fp);
	for (int i = 0; i < answer->steps; i++)
		fprintf(fp, "%6s: %llx => %llx\n", kvt_level_name(kvt, answer->top - i),
			(unsigned long long)answer->walk[i].address, (unsigned long long)answer->walk[i].entry);
	if (!answer->reason)
		fprintf(fp, "  PAGE: %llx  (%s)\n", (unsigned long long)(answer->hpa & ~(answer->page_size - 1)),
			size_text(answer->page_size));
}

struct vtop {
	ulong hva;
	struct task_context *task;
};

static void run_vtop(void *argument)
{
	struct vtop *vtop = argument;

	do_vtop(vtop->hva, vtop->task, UVADDR);
}

/* Runs vtop with its output in crash's temporary file; `column` is its second column: the address, or why there is none. */
static int start_vtop(ulong hva, struct task_context *task, char *column, size_t size)
{
	struct vtop vtop = { hva, task };
	char line[BUFSIZE], *said;
	int lines = 0;

	/* Print the headings for each address, not only for the first. */
	pc->curcmd_flags &= ~HEADER_PRINTED;
	open_tmpfile();
	guarded(run_vtop, &vtop);
	rewind(pc->tmpfile);
	while (lines < 2 && fgets(line, sizeof(line), pc->tmpfile))
		lines++;
	if (lines < 2)
		return FALSE;
	/* The line has the host virtual address, then the physical one. */
	said = strip_linefeeds(line) + strcspn(line, " ");
	snprintf(column, size, "%s", strip_ending_whitespace(said + strspn(said, " ")));
	return TRUE;
}

/* Copies what vtop printed after its first two lines. */
static void end_vtop(FILE *out)
{
	char line[BUFSIZE];

	while (fgets(line, sizeof(line), pc->tmpfile))
		fputs(line, out);
	close_tmpfile();
}

static void print_row(const char *gpa, const char *hva, const char *hpa)
{
	fprintf(fp, "%-*s  %-*s  %-*s\n", COLUMN, gpa, COLUMN, hva, COLUMN, hpa);
}

static void print_found(const struct host *host, const struct kvt_vm *vm, struct task_context *asked,
			const struct kvt_answer *answer, const char *gpa)
{
	struct task_context *task = asked->mm_struct == vm->mm ? asked : task_of_mm(vm->mm);
	/* vtop takes every entry that is not a page for a swap entry, and gives up if it is not. */
	int is_known = !answer->reason || !strcmp(answer->state, "swapped") || !strcmp(answer->state, "not-present");
	/* vtop would end the command at a missing table, and for the memory of another process it would walk other tables. */
	int with_vtop = task && is_known;
	char hva[32], column[BUFSIZE], hpa[32];
	FILE *out = fp;

	if (!is_known)
		snprintf(column, sizeof(column), "(%s)", answer->state);
	else
		snprintf(column, sizeof(column), vm->users ? "(not mapped)" : "(not accessible)");
	with_vtop = with_vtop && start_vtop((ulong)answer->hva, task, column, sizeof(column));
	snprintf(hva, sizeof(hva), "%llx", (unsigned long long)answer->hva);
	snprintf(hpa, sizeof(hpa), "%llx", (unsigned long long)answer->hpa);
	if (pc->tmpfile) {
		out = pc->saved_fp;
		fp = out;
	}
	print_row("GUEST PHYSICAL", "HOST VIRTUAL", "HOST PHYSICAL");
	print_row(gpa, hva, answer->reason ? column : hpa);
	if (!with_vtop)
		print_tables(&host->kvt, answer);
	if (pc->tmpfile)
		end_vtop(out);
	if (with_vtop && !answer->reason && !answer->prot_none && strcmp(column, hpa))
		error(INFO, "%s: vtop says %s: one of the two is wrong\n", gpa, column);
}

/* Prints what the numbers alone do not show. */
static void print_notes(const struct host *host, const struct kvt_answer *answer, const char *gpa)
{
	/* A slot that is being deleted or moved (include/linux/kvm_host.h); its addresses are still right. */
	enum { KVM_MEMSLOT_INVALID = 1 << 16 };

	if (answer->slot->internal)
		error(INFO, "%s: slot %lld is one of KVM's own, not guest memory\n", gpa, (long long)answer->slot->id);
	if (answer->slot->flags & KVM_MEMSLOT_INVALID)
		error(INFO, "%s: slot %lld was being deleted or moved\n", gpa, (long long)answer->slot->id);
	if (!answer->reason && host->max_pfn && answer->hpa / 4096 >= host->max_pfn)
		error(INFO, "%s: outside the memory that the kernel knows of: device memory, or a damaged entry\n", gpa);
	if (answer->reason)
		error(INFO, "%s: %s\n", gpa, answer->message);
	else if (answer->prot_none)
		error(INFO, "%s: a PROT_NONE page: vtop does not undo the inversion of its frame; "
			    "HOST PHYSICAL is right, the physical addresses below it are not\n", gpa);
}

static void print_text(const struct host *host, const struct kvt_vm *vm, struct task_context *asked,
		       const struct kvt_answer *answer)
{
	char gpa[32];

	snprintf(gpa, sizeof(gpa), "%llx", (unsigned long long)answer->gpa);
	if (!answer->has_hva) {
		error(INFO, "%s: %s; the slots of this VM:\n", gpa, answer->message);
		print_slots(vm);
		return;
	}
	print_found(host, vm, asked, answer, gpa);
	print_notes(host, answer, gpa);
}

static void answer_all(struct host *host, const struct question *question, const struct held_vm *held,
		       const struct kvt_vm *vm)
{
	for (int i = 0; i < question->count; i++) {
		struct kvt_answer answer;
		char name[BUFSIZE];
		char *end;

		errno = 0;
		ulonglong gpa = strtoull(question->addresses[i], &end, 16);

		if (*end || end == question->addresses[i] || (gpa == ULLONG_MAX && errno == ERANGE)) {
			error(INFO, "'%s' is not a hexadecimal address of 64 bits\n", question->addresses[i]);
			continue;
		}
		kvt_translate(&host->kvt, vm, gpa, &answer);
		if (question->json) {
			const char *device = answer.swap_type < 0 ? NULL :
						host_swap_device(host, answer.swap_type, name, sizeof(name));
			kvt_json(fp, &host->kvt, vm, &answer, (long)task_tgid(question->task->task), held->fd, question->space,
				 device);
			continue;
		}
		if (i)
			fputc('\n', fp);
		print_text(host, vm, question->task, &answer);
	}
	if (!question->json)
		fputc('\n', fp);
}

static void cmd_qemu_vtop(void)
{
	struct question *question = (struct question *)GETBUF(sizeof(*question));
	char why[KVT_WORDS];
	struct held_vm held;
	struct host host;
	struct kvt_vm vm;

	parse(question);
	host_init(&host);
	host_init_swap(&host);
	held = choose(&host, question);
	if (kvt_open_vm(&host.kvt, held.kvm, question->space, &vm, why)) {
		kvt_close_vm(&vm);
		error(FATAL, "%s\n", why);
	}
	answer_all(&host, question, &held, &vm);
	kvt_close_vm(&vm);
	FREEBUF(question);
}
