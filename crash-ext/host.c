// SPDX-License-Identifier: GPL-2.0-or-later
/* Members, sizes and symbols as crash has them; nothing is asked of a version. */
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

static long offset(char *structure, char *member)
{
	return MEMBER_EXISTS(structure, member) ? MEMBER_OFFSET(structure, member) : -1;
}

/* A member of a member. */
static long path(char *structure, char *member, char *inner, char *name)
{
	long outside = offset(structure, member), inside = offset(inner, name);

	return outside < 0 || inside < 0 ? -1 : outside + inside;
}

static long pgd_of_kernel(void)
{
	static char *const names[] = { "init_top_pgt", "init_level4_pgt", "swapper_pg_dir" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (symbol_exists(names[i]))
			return (long)VTOP(symbol_value(names[i]));
	error(FATAL, "no symbol of the kernel's page tables\n");
	return 0;
}

/* How many slots there can be: as many as there are places, or ids. */
static long slots_room(char *set, long slot_size)
{
	long ids = offset(set, "id_to_index") >= 0 ? MEMBER_SIZE(set, "id_to_index") : 0;
	long places = MEMBER_SIZE(set, "memslots") / slot_size;
	char name[64];

	if (ids > 0) {
		long bytes = ids;

		snprintf(name, sizeof(name), "%s.id_to_index", set);
		ids = get_array_length(name, NULL, 0);
		/* Where the debug information does not tell: 32767 and 512 shorts, or ints before there were as many. */
		if (ids <= 0)
			ids = bytes == 4 * 512 ? 512 : bytes / 2;
	}
	return ids > places ? ids : places;
}

static void init_slots(struct kvt_layout *at)
{
	/* In 2.6.32 struct kvm holds the slots itself. */
	int is_inline = MEMBER_EXISTS("kvm", "nmemslots");
	char *set = is_inline ? "kvm" : "kvm_memslots";

	at->kvm_mm = offset("kvm", "mm");
	at->kvm_memslots = is_inline ? -1 : offset("kvm", "memslots");
	at->spaces = is_inline ? 1 : MEMBER_SIZE("kvm", "memslots") / (long)sizeof(ulong);
	at->slot_size = STRUCT_SIZE("kvm_memory_slot");
	at->slot_base_gfn = offset("kvm_memory_slot", "base_gfn");
	at->slot_npages = offset("kvm_memory_slot", "npages");
	at->slot_userspace_addr = offset("kvm_memory_slot", "userspace_addr");
	at->slot_flags = offset("kvm_memory_slot", "flags");
	at->slot_flags_size = MEMBER_SIZE("kvm_memory_slot", "flags");
	at->slot_id = offset("kvm_memory_slot", "id");
	at->slot_id_size = at->slot_id < 0 ? 0 : MEMBER_SIZE("kvm_memory_slot", "id");
	at->slot_gmem = offset("kvm_memory_slot", "gmem");
	if (at->kvm_mm < 0 || at->slot_size <= 0 || at->slot_base_gfn < 0 || at->slot_npages < 0 ||
	    at->slot_userspace_addr < 0 || at->slot_flags < 0)
		error(FATAL, "struct kvm or kvm_memory_slot lacks a member that every kernel has\n");
	at->set_tree = path("kvm_memslots", "gfn_tree", "rb_root", "rb_node");
	at->set_index = offset("kvm_memslots", "node_idx");
	at->set_used = offset(set, "used_slots");
	at->set_filled = offset(set, "nmemslots");
	at->set_slots = offset(set, "memslots");
	at->set_room = at->set_slots < 0 ? 0 : slots_room(set, at->slot_size);
	at->slot_node = offset("kvm_memory_slot", "gfn_node");
	at->slot_node_size = at->slot_node < 0 ? 0 : MEMBER_SIZE("kvm_memory_slot", "gfn_node") / 2;
	at->rb_parent = offset("rb_node", "__rb_parent_color") >= 0 ? offset("rb_node", "__rb_parent_color") :
								       offset("rb_node", "rb_parent_color");
	at->rb_left = offset("rb_node", "rb_left");
	at->rb_right = offset("rb_node", "rb_right");
	at->kvm_attributes = path("kvm", "mem_attr_array", "xarray", "xa_head");
	at->xa_shift = offset("xa_node", "shift");
	at->xa_slots = offset("xa_node", "slots");
}

static void init_paging(struct kvt_layout *at)
{
	char *mask = pc->read_vmcoreinfo ? pc->read_vmcoreinfo("NUMBER(sme_mask)") : NULL;

	at->kernel_root = pgd_of_kernel();
	at->mm_pgd = offset("mm_struct", "pgd");
	at->mm_users = offset("mm_struct", "mm_users");
	at->levels = machdep->flags & VM_5LEVEL ? 5 : 4;
	at->sme_mask = mask ? (int64_t)strtoull(mask, NULL, 0) : 0;
	at->physmem_bits = MAX_PHYSMEM_BITS();
	/*
	 * Swap entries moved in 4.8, with the lists of pages that moved from zones to nodes. From 3.15 (vmacache_seqnum)
	 * to 3.19 NUMA balancing had a bit among them.
	 */
	at->swap_late = MEMBER_EXISTS("pglist_data", "lruvec") || MEMBER_EXISTS("pglist_data", "__lruvec");
	if (MEMBER_EXISTS("mm_struct", "vmacache_seqnum") && MEMBER_EXISTS("mm_struct", "numa_scan_seq") &&
	    !MEMBER_EXISTS("mm_struct", "nr_pmds") && !MEMBER_EXISTS("mm_struct", "pgtables_bytes"))
		at->swap_late = -1;
	free(mask);
}

static void fill(enum kvt_kind *kinds, int *next, enum kvt_kind kind, int count)
{
	while (count-- > 0 && *next < 32)
		kinds[(*next)++] = kind;
}

/* MAX_SWAPFILES lies between these in every configuration (include/linux/swap.h). */
enum { FEWEST_FILES = 16, MOST_FILES = 31 };

/*
 * MAX_SWAPFILES, the length of swap_info: as its type tells, else the way to the next symbol. The elements are pointers,
 * in 2.6.32 the structures themselves; `stride` is their size.
 */
static int swap_files(long *stride)
{
	long bytes = STRUCT_SIZE("swap_info_struct"), length = 0;
	int told = get_array_length("swap_info", NULL, 0);

	*stride = sizeof(ulong);
	if (symbol_exists("swap_info")) {
		struct syment *next = next_symbol("swap_info", NULL);

		length = next ? (long)(next->value - symbol_value("swap_info")) : 0;
	}
	if (bytes > 0 && length >= FEWEST_FILES * bytes)
		*stride = bytes;
	return told > 0 ? told : (int)(length / *stride);
}

/*
 * The types from MAX_SWAPFILES on stand for other things (include/linux/swap.h): a memory error, migration (three types
 * since 5.19), device memory (two types up to 5.13, four up to 6.12, then three), markers, errors of swap-in. Which of
 * them a kernel has follows from how many types are left.
 */
static void init_kinds(struct host *host, int files)
{
	enum kvt_kind *kinds = host->kvt.kinds;
	int next = files, left;
	long value;

	if (files < FEWEST_FILES || files > MOST_FILES)
		return;
	for (int i = 0; i < files; i++)
		kinds[i] = KVT_SWAP;
	int late = enumerator_value("PG_anon_exclusive", &value);
	fill(kinds, &next, KVT_HWPOISON, enumerator_value("PG_hwpoison", &value) ? 1 : 0);
	fill(kinds, &next, KVT_MIGRATION, late ? 3 : 2);
	left = 32 - next;
	int markers = !late ? 0 : left == 1 || left == 4 || left == 5 ? 1 : left == 2 || left == 6 ? 2 : 0;
	int devices = left - markers;
	/* Four types without a marker, or three and one: what is no device stands last in both. */
	int is_known = devices == 0 || devices == 2 || devices == 3 || devices == 4;
	if (late && left == 4 && !MEMBER_EXISTS("module", "mem"))
		is_known = 0;
	if (!is_known)
		return;
	fill(kinds, &next, KVT_DEVICE_PRIVATE, devices ? 2 : 0);
	fill(kinds, &next, KVT_DEVICE_EXCLUSIVE, devices - 2);
	fill(kinds, &next, KVT_MARKER, markers ? 1 : 0);
	fill(kinds, &next, KVT_SWAPIN_ERROR, markers - 1);
}

/* struct swap_info_struct of a type; 0 if there is none, or it can't be read. */
static ulong swap_area(const struct host *host, int type, int *is_lost)
{
	ulong place, area;

	*is_lost = 1;
	if (!host->swap_stride || !symbol_exists("swap_info"))
		return 0;
	place = symbol_value("swap_info") + (ulong)(type * host->swap_stride);
	/* Up to 2.6.32 the structures stand in the array. */
	area = place;
	if (host->swap_stride == sizeof(ulong) && host_read(place, &area, sizeof(area)))
		return 0;
	*is_lost = 0;
	return area;
}

static void init_swap(struct host *host)
{
	long max = offset("swap_info_struct", "max"), file = offset("swap_info_struct", "swap_file");
	int files = swap_files(&host->swap_stride);

	init_kinds(host, files);
	for (int type = 0; type < 32; type++) {
		unsigned int pages = 0;
		ulong opened = 0;
		int is_lost;

		if (host->kvt.kinds[type] != KVT_SWAP)
			continue;
		ulong area = swap_area(host, type, &is_lost);
		if (is_lost || max < 0 || file < 0 ||
		    (area && (host_read(area + (ulong)max, &pages, sizeof(pages)) ||
			      host_read(area + (ulong)file, &opened, sizeof(opened)))))
			host->kvt.swap_pages[type] = UINT64_MAX;
		else
			host->kvt.swap_pages[type] = area && opened ? pages : 0;
	}
}

struct naming {
	ulong dentry, mount;
	char *name;
	size_t size;
};

static void name_of(void *argument)
{
	struct naming *naming = argument;

	get_pathname(naming->dentry, naming->name, (int)naming->size, TRUE, naming->mount);
}

const char *host_swap_device(const struct host *host, int type, char *name, size_t size)
{
	long file_at = offset("swap_info_struct", "swap_file"), mount_at = path("file", "f_path", "path", "mnt");
	struct naming naming = { .name = name, .size = size };
	ulong area, file;
	int is_lost;

	area = swap_area(host, type, &is_lost);
	if (!area || file_at < 0 || mount_at < 0 || host->file_dentry < 0 ||
	    host_read(area + (ulong)file_at, &file, sizeof(file)) ||
	    host_read(file + (ulong)host->file_dentry, &naming.dentry, sizeof(naming.dentry)) ||
	    host_read(file + (ulong)mount_at, &naming.mount, sizeof(naming.mount)))
		return NULL;
	BZERO(name, size);
	return guarded(name_of, &naming) || !name[0] ? NULL : name;
}

void host_init(struct host *host)
{
	BZERO(host, sizeof(*host));
	host->kvt.read = read_physical;
	if (!MEMBER_EXISTS("kvm", "memslots"))
		error(FATAL, "struct kvm is not known: load the debug information of kvm first, \"mod -s kvm [file]\"\n");
	init_slots(&host->kvt.at);
	init_paging(&host->kvt.at);
	host->file_f_op = offset("file", "f_op");
	host->file_private_data = offset("file", "private_data");
	host->file_dentry = path("file", "f_path", "path", "dentry");
	host->dentry_name = path("dentry", "d_name", "qstr", "name");
	host->dentry_name_len = path("dentry", "d_name", "qstr", "len");
	host->files_fdt = offset("files_struct", "fdt");
	host->fdtable_max_fds = offset("fdtable", "max_fds");
	host->fdtable_fd = offset("fdtable", "fd");
	host->task_files = offset("task_struct", "files");
	host->kvm_vm_list = offset("kvm", "vm_list");
	host->kvm_userspace_pid = offset("kvm", "userspace_pid");
	host->vm_fops = symbol_exists("kvm_vm_fops") ? symbol_value("kvm_vm_fops") : 0;
	host->vm_list = symbol_exists("vm_list") ? symbol_value("vm_list") : 0;
	init_swap(host);
}

int guarded(void (*work)(void *), void *argument)
{
	/* An error of crash goes back to the loop of "foreach" if there is one, and else ends the command. */
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
