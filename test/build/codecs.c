// SPDX-License-Identifier: Apache-2.0
// codecs pack|unpack lzo|snappy|zstd: pages through the libraries that makedumpfile and crash link. Standard input and
// output are pieces, each a length (32 bits, little endian) and as many bytes; a page that can't be unpacked to exactly
// 4096 bytes has the length 0.
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { PAGE = 4096, ROOM = 4 * PAGE };

static unsigned char in[1 << 20], out[ROOM], work[LZO1X_1_MEM_COMPRESS];

static size_t pack(const char *codec, size_t length)
{
	if (!strcmp(codec, "lzo")) {
		lzo_uint size = ROOM;
		return lzo1x_1_compress(in, length, out, &size, work) == LZO_E_OK ? size : 0;
	}
	if (!strcmp(codec, "snappy")) {
		size_t size = ROOM;
		return snappy_compress((char *)in, length, (char *)out, &size) == SNAPPY_OK ? size : 0;
	}
	size_t size = ZSTD_compress(out, ROOM, in, length, 1);
	return ZSTD_isError(size) ? 0 : size;
}

static size_t unpack(const char *codec, size_t length)
{
	size_t size = PAGE;
	if (!strcmp(codec, "lzo")) {
		lzo_uint made = PAGE;
		if (lzo1x_decompress_safe(in, length, out, &made, NULL) != LZO_E_OK)
			return 0;
		size = made;
	} else if (!strcmp(codec, "snappy")) {
		if (snappy_uncompress((char *)in, length, (char *)out, &size) != SNAPPY_OK)
			return 0;
	} else {
		size = ZSTD_decompress(out, PAGE, in, length);
		if (ZSTD_isError(size))
			return 0;
	}
	return size == PAGE ? PAGE : 0;
}

int main(int argc, char **argv)
{
	uint32_t length;

	if (argc != 3 || lzo_init() != LZO_E_OK)
		return 2;
	while (fread(&length, sizeof(length), 1, stdin) == 1) {
		if (length > sizeof(in) || fread(in, 1, length, stdin) != length)
			return 2;
		uint32_t size = (strcmp(argv[1], "pack") ? unpack : pack)(argv[2], length);
		fwrite(&size, sizeof(size), 1, stdout);
		fwrite(out, 1, size, stdout);
	}
	return 0;
}
