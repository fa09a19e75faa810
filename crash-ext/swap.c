// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the swap areas, and what the other types of swap entries mean, from crash's debug information. */
#include "host.h"

/* MAX_SWAPFILES is between these in every configuration (include/linux/swap.h). */
enum { FEWEST_FILES = 16, MOST_FILES = 31 };

/* Every configuration of every kernel has at least this many types for real swap. */
enum { ALWAYS_SWAP = 22 };

/* Bytes from a symbol to the next one; 0 if unknown. */
static long way_to_next(char *name)
{
	struct syment *next = symbol_exists(name) ? next_symbol(name, NULL) : NULL;

	return next ? (long)(next->value - symbol_value(name)) : 0;
}

/*
 * MAX_SWAPFILES, the length of swap_info: from its type, or else from the distance to the next symbol, if that of
 * zswap_trees, which has as many elements, agrees. The elements are pointers, in 2.6.32 the structures themselves; `stride`
 * is their size. 0: unknown.
 */
static int swap_files(long *stride)
{
	long bytes = STRUCT_SIZE("swap_info_struct"), length = way_to_next("swap_info");
	long witness = way_to_next("zswap_trees") / (long)sizeof(ulong);
	int files = get_array_length("swap_info", NULL, 0);

	*stride = bytes > 0 && length >= FEWEST_FILES * bytes ? bytes : (long)sizeof(ulong);
	if (files <= 0) {
		files = (int)(length / *stride);
		if (witness && witness != files)
			files = 0;
	}
	return files >= FEWEST_FILES && files <= MOST_FILES ? files : 0;
}

/* Kinds of the types after migration, a letter each: p device private, x device exclusive, m marker, e error of swap-in. */
struct mixture {
	enum { NO_MARKERS, OPTIONAL_MARKERS, ALWAYS_MARKERS } era;
	const char *kinds;
};

/* Device memory has two types up to 5.13, four up to 6.12, then three (include/linux/swap.h). */
static const struct mixture mixtures[] = {
	{ NO_MARKERS, "" },	      { NO_MARKERS, "pp" },	   { NO_MARKERS, "ppxx" },
	{ OPTIONAL_MARKERS, "" },     { OPTIONAL_MARKERS, "m" },   { OPTIONAL_MARKERS, "me" },
	{ OPTIONAL_MARKERS, "ppxx" }, { OPTIONAL_MARKERS, "ppxxm" }, { OPTIONAL_MARKERS, "ppxxme" },
	{ ALWAYS_MARKERS, "m" },      { ALWAYS_MARKERS, "ppxm" },  { ALWAYS_MARKERS, "ppxxm" },
};

static enum kvt_kind kind_of(char letter)
{
	return letter == 'p' ? KVT_DEVICE_PRIVATE :
	       letter == 'x' ? KVT_DEVICE_EXCLUSIVE :
	       letter == 'm' ? KVT_MARKER :
			       KVT_SWAPIN_ERROR;
}

/*
 * The types from MAX_SWAPFILES up have other meanings: a memory error, migration (three types since 5.19, which has
 * PG_anon_exclusive), device memory, markers, errors of swap-in. The number of types that are left decides which of them a
 * kernel has. Since 6.6 every kernel has markers; it is recognised by module.mem (since 6.4) and by a struct folio without
 * _folio_dtor (which it had up to 6.5).
 */
static void init_kinds(struct host *host, int files)
{
	enum kvt_kind *kinds = host->kvt.kinds;
	int next = files, era = NO_MARKERS;
	long value;

	for (int i = 0; i < (files ? files : ALWAYS_SWAP); i++)
		kinds[i] = KVT_SWAP;
	if (!files || !enumerator_value("PG_locked", &value))
		return;
	if (enumerator_value("PG_anon_exclusive", &value))
		era = MEMBER_EXISTS("module", "mem") && STRUCT_EXISTS("folio") && !MEMBER_EXISTS("folio", "_folio_dtor") ?
			      ALWAYS_MARKERS :
			      OPTIONAL_MARKERS;
	int poison = enumerator_value("PG_hwpoison", &value) ? 1 : 0, migration = era == NO_MARKERS ? 2 : 3;
	int left = 32 - files - poison - migration;

	for (size_t i = 0; i < sizeof(mixtures) / sizeof(*mixtures); i++) {
		if ((int)mixtures[i].era != era || (int)strlen(mixtures[i].kinds) != left)
			continue;
		while (poison-- > 0)
			kinds[next++] = KVT_HWPOISON;
		while (migration-- > 0)
			kinds[next++] = KVT_MIGRATION;
		for (const char *letter = mixtures[i].kinds; *letter; letter++)
			kinds[next++] = kind_of(*letter);
		return;
	}
}

/* Address of the swap_info_struct of a type; 0 if there is none, or it cannot be read (`is_lost`). */
static ulong swap_area(const struct host *host, int type, int *is_lost)
{
	ulong place, area;

	*is_lost = 1;
	if (!host->swap_stride || !symbol_exists("swap_info"))
		return 0;
	place = symbol_value("swap_info") + (ulong)(type * host->swap_stride);
	/* Up to 2.6.32 the array contains the structures. */
	area = place;
	if (host->swap_stride == sizeof(ulong) && host_read(place, &area, sizeof(area)))
		return 0;
	*is_lost = 0;
	return area;
}

void host_init_swap(struct host *host)
{
	long max = host_offset("swap_info_struct", "max"), file = host_offset("swap_info_struct", "swap_file");
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
	long file_at = host_offset("swap_info_struct", "swap_file"), mount_at = host_path("file", "f_path", "path", "mnt");
	struct naming naming = { .name = name, .size = size };
	ulong area, file;
	int is_lost;

	area = swap_area(host, type, &is_lost);
	if (!area || file_at < 0 || mount_at < 0 ||
	    host_read(area + (ulong)file_at, &file, sizeof(file)) ||
	    host_read(file + (ulong)host->file_dentry, &naming.dentry, sizeof(naming.dentry)) ||
	    host_read(file + (ulong)mount_at, &naming.mount, sizeof(naming.mount)))
		return NULL;
	BZERO(name, size);
	return guarded(name_of, &naming) || !name[0] ? NULL : name;
}
