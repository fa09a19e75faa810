// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints answers as kvm-vtop --json does (docs/output.md). */
#include "walker.h"

#include <inttypes.h>

static void quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < 0x20 || *at >= 0x7f)
			fprintf(out, "\\u%04x", *at);
		else
			fputc(*at, out);
	fputc('"', out);
}

static void text(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\":", name);
	if (value)
		quoted(out, value);
	else
		fputs("null", out);
	fputc(',', out);
}

static void hex(FILE *out, const char *name, int is_there, uint64_t value)
{
	if (is_there)
		fprintf(out, "\"%s\":\"0x%" PRIx64 "\",", name, value);
	else
		fprintf(out, "\"%s\":null,", name);
}

static void slot_text(FILE *out, const struct kvt_slot *slot)
{
	if (!slot) {
		fputs("\"slot\":null,", out);
		return;
	}
	fprintf(out, "\"slot\":{\"id\":%" PRId64 ",\"gpa\":\"0x%" PRIx64 "\",\"size\":%" PRIu64 ",\"hva\":\"0x%" PRIx64 "\",",
		slot->id, slot->first * 4096, slot->pages * 4096, slot->hva);
	fprintf(out, "\"flags\":%" PRIu64 ",\"internal\":%s},", slot->flags, slot->internal ? "true" : "false");
}

static void walk_text(FILE *out, const struct kvt *kvt, const struct kvt_answer *answer)
{
	fputs("\"walk\":[", out);
	for (int i = 0; i < answer->steps; i++)
		fprintf(out, "%s{\"level\":\"%s\",\"address\":\"0x%" PRIx64 "\",\"entry\":\"0x%" PRIx64 "\"}", i ? "," : "",
			kvt_level_name(kvt, answer->top - i), answer->walk[i].address, answer->walk[i].entry);
	fputs("],", out);
}

static void swap_text(FILE *out, const struct kvt_answer *answer, const char *device)
{
	if (answer->swap_type < 0) {
		fputs("\"swap\":null}\n", out);
		return;
	}
	fprintf(out, "\"swap\":{\"type\":%d,\"offset\":%" PRIu64 ",\"device\":", answer->swap_type, answer->swap_offset);
	if (device)
		quoted(out, device);
	else
		fputs("null", out);
	fputs("}}\n", out);
}

void kvt_json(FILE *out, const struct kvt *kvt, const struct kvt_vm *vm, const struct kvt_answer *answer, long pid, long fd,
	      unsigned int space, const char *device)
{
	int mapped = !answer->reason;

	fputc('{', out);
	hex(out, "gpa", 1, answer->gpa);
	hex(out, "hva", answer->has_hva, answer->hva);
	hex(out, "hpa", mapped, answer->hpa);
	text(out, "state", answer->state);
	text(out, "reason", answer->reason);
	text(out, "message", mapped ? NULL : answer->message);
	if (mapped)
		fprintf(out, "\"pageSize\":%" PRIu64 ",", answer->page_size);
	else
		fputs("\"pageSize\":null,", out);
	fprintf(out, "\"protNone\":%s,", answer->prot_none ? "true" : "false");
	hex(out, "frame", answer->has_frame, answer->frame);
	fprintf(out, "\"pid\":%ld,\"vm\":{\"fd\":", pid);
	if (fd < 0)
		fputs("null", out);
	else
		fprintf(out, "%ld", fd);
	fprintf(out, ",\"kvm\":\"0x%" PRIx64 "\"},\"addressSpace\":%u,", vm->kvm, space);
	slot_text(out, answer->slot);
	walk_text(out, kvt, answer);
	swap_text(out, answer, device);
}
