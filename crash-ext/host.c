// SPDX-License-Identifier: GPL-2.0-or-later
/* Offsets, sizes and symbols from crash. Nothing depends on the version of the kernel. */
#include "host.h"

int host_read(ulong address, void *bytes, size_t size)
{
	return readmem(address, KVADDR, bytes, (long)size, "qemu-vtop", RETURN_ON_ERROR | QUIET) ? 0 : -1;
}

static int read_physical(void *context, uint64_t physical, void *bytes, size_t size)
{
	(void)context;
	return readmem(physical, PHYSADDR, bytes, (long)size, "qemu-vtop", RETURN_ON_ERROR | QUIET) ? 0 : -1;
}

long host_offset(char *structure, char *member)
{
	return MEMBER_EXISTS(structure, member) ? MEMBER_OFFSET(structure, member) : -1;
}

/* Offset of a member that every supported kernel has. Ends the command if it is missing. */
static long need(char *structure, char *member)
{
	if (!MEMBER_EXISTS(structure, member))
		error(FATAL, "struct %s has no member %s: this kernel is not supported\n", structure, member);
	return MEMBER_OFFSET(structure, member);
}

long host_path(char *structure, char *member, char *inner, char *name)
{
	long outside = host_offset(structure, member), inside = host_offset(inner, name);

	return outside < 0 || inside < 0 ? -1 : outside + inside;
}

static long pgd_of_kernel(void)
{
	static char *const names[] = { "init_top_pgt", "init_level4_pgt", "swapper_pg_dir" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (symbol_exists(names[i]))
			return (long)VTOP(symbol_value(names[i]));
	error(FATAL, "the symbol of the kernel's page tables was not found\n");
	return 0;
}

static void init_tree(struct kvt_layout *at)
{
	at->set_index = need("kvm_memslots", "node_idx");
	at->slot_node = need("kvm_memory_slot", "gfn_node");
	at->slot_node_size = MEMBER_SIZE("kvm_memory_slot", "gfn_node") / 2;
	at->slot_hva_node = host_offset("kvm_memory_slot", "hva_node");
	at->slot_hva_node_size = at->slot_hva_node < 0 ? 0 : MEMBER_SIZE("kvm_memory_slot", "hva_node") / 2;
	at->interval_start = host_offset("interval_tree_node", "start");
	at->interval_last = host_offset("interval_tree_node", "last");
	at->rb_parent = need("rb_node", "__rb_parent_color");
	at->rb_left = need("rb_node", "rb_left");
	at->rb_right = need("rb_node", "rb_right");
}

static void init_array(struct kvt_layout *at, char *set)
{
	long places = MEMBER_SIZE(set, "memslots") / at->slot_size;
	char name[64];

	at->set_slots = need(set, "memslots");
	at->set_used = host_offset(set, "used_slots");
	at->set_filled = host_offset(set, "nmemslots");
	at->set_ids = host_offset(set, "id_to_index");
	if (at->set_ids >= 0) {
		/* If the length of the array is unknown the size is 0, so that the slots are refused instead of guessed. */
		snprintf(name, sizeof(name), "%s.id_to_index", set);
		at->set_ids_count = get_array_length(name, NULL, 0);
		at->set_ids_size = at->set_ids_count > 0 ? MEMBER_SIZE(set, "id_to_index") / at->set_ids_count : 0;
	}
	/* The limit is the number of elements or of ids, whichever is larger. */
	at->set_room = at->set_ids_count > places ? at->set_ids_count : places;
}

static void init_slots(struct kvt_layout *at)
{
	/* In 2.6.32 struct kvm contains the slots itself. */
	int is_inline = MEMBER_EXISTS("kvm", "nmemslots");
	char *set = is_inline ? "kvm" : "kvm_memslots";

	at->kvm_mm = need("kvm", "mm");
	at->kvm_memslots = is_inline ? -1 : need("kvm", "memslots");
	at->kvm_pages = host_offset("kvm", "nr_memslot_pages");
	at->spaces = is_inline ? 1 : MEMBER_SIZE("kvm", "memslots") / (long)sizeof(ulong);
	at->slot_size = STRUCT_SIZE("kvm_memory_slot");
	at->slot_base_gfn = need("kvm_memory_slot", "base_gfn");
	at->slot_npages = need("kvm_memory_slot", "npages");
	at->slot_userspace_addr = need("kvm_memory_slot", "userspace_addr");
	at->slot_flags = need("kvm_memory_slot", "flags");
	at->slot_flags_size = MEMBER_SIZE("kvm_memory_slot", "flags");
	at->slot_id = host_offset("kvm_memory_slot", "id");
	at->slot_id_size = at->slot_id < 0 ? 0 : MEMBER_SIZE("kvm_memory_slot", "id");
	at->slot_gmem = host_offset("kvm_memory_slot", "gmem");
	at->set_tree = host_path("kvm_memslots", "gfn_tree", "rb_root", "rb_node");
	if (at->set_tree >= 0)
		init_tree(at);
	else
		init_array(at, set);
	at->kvm_attributes = host_path("kvm", "mem_attr_array", "xarray", "xa_head");
	at->xa_shift = host_offset("xa_node", "shift");
	at->xa_slots = host_offset("xa_node", "slots");
}

static void init_paging(struct kvt_layout *at)
{
	char *mask = pc->read_vmcoreinfo ? pc->read_vmcoreinfo("NUMBER(sme_mask)") : NULL;

	at->kernel_root = pgd_of_kernel();
	at->mm_pgd = need("mm_struct", "pgd");
	at->mm_users = need("mm_struct", "mm_users");
	at->levels = machdep->flags & VM_5LEVEL ? 5 : 4;
	at->sme_mask = mask ? (int64_t)strtoull(mask, NULL, 0) : 0;
	at->physmem_bits = MAX_PHYSMEM_BITS();
	/*
	 * The bits of swap entries changed in 4.8, in which the LRU lists also moved from zones to nodes. From 3.15
	 * (vmacache_seqnum) to 3.19 NUMA balancing used one of the bits.
	 */
	at->swap_late = MEMBER_EXISTS("pglist_data", "lruvec") || MEMBER_EXISTS("pglist_data", "__lruvec");
	if (MEMBER_EXISTS("mm_struct", "vmacache_seqnum") && MEMBER_EXISTS("mm_struct", "numa_scan_seq") &&
	    !MEMBER_EXISTS("mm_struct", "nr_pmds") && !MEMBER_EXISTS("mm_struct", "pgtables_bytes"))
		at->swap_late = -1;
	free(mask);
}

void host_init(struct host *host)
{
	BZERO(host, sizeof(*host));
	/* -1: no such member, until it is found. */
#define NONE(member) host->kvt.at.member = -1;
	KVT_LAYOUT(NONE)
#undef NONE
	host->kvt.read = read_physical;
	if (!MEMBER_EXISTS("kvm", "memslots"))
		error(FATAL, "struct kvm is unknown: load the debug information of kvm first, \"mod -s kvm [file]\"\n");
	init_slots(&host->kvt.at);
	init_paging(&host->kvt.at);
	host->file_f_op = need("file", "f_op");
	host->file_private_data = need("file", "private_data");
	host->file_dentry = need("file", "f_path") + need("path", "dentry");
	host->dentry_name = need("dentry", "d_name") + need("qstr", "name");
	host->dentry_name_len = need("dentry", "d_name") + need("qstr", "len");
	host->files_fdt = need("files_struct", "fdt");
	host->fdtable_max_fds = need("fdtable", "max_fds");
	host->fdtable_fd = need("fdtable", "fd");
	host->task_files = need("task_struct", "files");
	host->kvm_vm_list = host_offset("kvm", "vm_list");
	host->kvm_userspace_pid = host_offset("kvm", "userspace_pid");
	host->vm_fops = symbol_exists("kvm_vm_fops") ? symbol_value("kvm_vm_fops") : 0;
	host->vm_list = symbol_exists("vm_list") ? symbol_value("vm_list") : 0;
	if (!symbol_exists("max_pfn") || host_read(symbol_value("max_pfn"), &host->max_pfn, sizeof(host->max_pfn)))
		host->max_pfn = 0;
}

int guarded(void (*work)(void *), void *argument)
{
	/* On an error crash jumps back to the loop of "foreach" if there is one; otherwise the command ends. */
	ulonglong before = pc->flags & IN_FOREACH;
	jmp_buf outer;
	volatile int failed = 1;

	memcpy(outer, pc->foreach_loop_env, sizeof(outer));
	pc->flags |= IN_FOREACH;
	if (!setjmp(pc->foreach_loop_env)) {
		work(argument);
		failed = 0;
	}
	memcpy(pc->foreach_loop_env, outer, sizeof(outer));
	if (!before)
		pc->flags &= ~IN_FOREACH;
	return failed;
}
