// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk-test LAYOUT PAGES KVM SPACE PID FD < ADDRESSES: runs the walker without crash, on pages in a file.
 *
 * LAYOUT has a line "name value" for each member of struct kvt_layout, "kind TYPE NUMBER" for each type of swap entry
 * and "swap TYPE PAGES" for each swap area; numbers are decimal. PAGES has a 64-bit frame number and 4096 bytes for each
 * page, in ascending order. For each input line with a hexadecimal address it prints one line of JSON.
 */
#include "walker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct page {
	uint64_t frame;
	unsigned char bytes[4096];
};

struct pages {
	struct page *all;
	size_t count;
};

static int by_frame(const void *key, const void *element)
{
	uint64_t frame = *(const uint64_t *)key, other = ((const struct page *)element)->frame;

	return frame < other ? -1 : frame > other;
}

static int read_page(void *context, uint64_t physical, void *bytes, size_t size)
{
	const struct pages *pages = context;
	uint64_t frame = physical / 4096;
	const struct page *page = bsearch(&frame, pages->all, pages->count, sizeof(*page), by_frame);

	if (!page || physical % 4096 + size > 4096)
		return -1;
	memcpy(bytes, page->bytes + physical % 4096, size);
	return 0;
}

static int load(const char *path, struct pages *pages)
{
	FILE *file = fopen(path, "rb");
	struct page page;

	while (file && fread(&page, sizeof(page), 1, file) == 1) {
		if (!(pages->count & (pages->count - 1)))
			pages->all = realloc(pages->all, (pages->count ? pages->count * 2 : 1) * sizeof(page));
		if (!pages->all)
			return -1;
		pages->all[pages->count++] = page;
	}
	if (file)
		fclose(file);
	return pages->count ? 0 : -1;
}

static void set(struct kvt *kvt, const char *name, const char *value)
{
	int type, kind;
	uint64_t pages;

#define SET(member)                                                                                                    \
	if (!strcmp(name, #member))                                                                                    \
		kvt->at.member = (int64_t)strtoull(value, NULL, 10);
	KVT_LAYOUT(SET)
	if (!strcmp(name, "kind") && sscanf(value, "%d %d", &type, &kind) == 2)
		kvt->kinds[type & 31] = (enum kvt_kind)kind;
	if (!strcmp(name, "swap") && sscanf(value, "%d %" SCNu64, &type, &pages) == 2)
		kvt->swap_pages[type & 31] = pages;
}

static int load_layout(const char *path, struct kvt *kvt)
{
	char line[256], name[64];
	int used;
	FILE *file = fopen(path, "r");

	if (!file)
		return -1;
#define NONE(member) kvt->at.member = -1;
	KVT_LAYOUT(NONE)
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %n", name, &used) == 1)
			set(kvt, name, line + used);
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	struct pages pages = { 0 };
	struct kvt kvt = { .read = read_page, .context = &pages };
	struct kvt_answer answer;
	struct kvt_vm vm;
	char why[KVT_WORDS], line[64];

	if (argc != 7 || load_layout(argv[1], &kvt) || load(argv[2], &pages)) {
		fputs("usage: walk-test LAYOUT PAGES KVM SPACE PID FD < ADDRESSES\n", stderr);
		return 2;
	}
	unsigned int space = (unsigned int)strtoul(argv[4], NULL, 10);
	if (kvt_open_vm(&kvt, strtoull(argv[3], NULL, 16), space, &vm, why)) {
		fprintf(stderr, "walk-test: %s\n", why);
		kvt_close_vm(&vm);
		free(pages.all);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		kvt_translate(&kvt, &vm, strtoull(line, NULL, 16), &answer);
		kvt_json(stdout, &kvt, &vm, &answer, atol(argv[5]), atol(argv[6]), space, NULL);
	}
	kvt_close_vm(&vm);
	free(pages.all);
	return 0;
}
