/* Replays seeds through a fuzz target, for make check: each seed whole, cut at
 * every power of two, and with single bytes changed. libFuzzer brings a main of
 * its own; this one is for compilers without it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly its size, so that a sanitizer sees one byte too far. */
static void
feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
feed_variants(uint8_t *data, size_t size)
{
	static const uint8_t bytes[] = { 0, '\n', '"', '(', '{', 0x7f, 0x80, 0xff };

	feed(data, size);
	for (size_t cut = 1; cut < size; cut *= 2) {
		feed(data, size - cut);
		feed(data + cut, size - cut);
	}
	size_t step = size / 256 + 1;
	for (size_t at = 0; at < size; at += step) {
		uint8_t was = data[at];
		data[at] = bytes[at / step % sizeof(bytes)];
		feed(data, size);
		data[at] = was;
	}
}

static int
replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		perror(path);
		return -1;
	}
	size_t size = fread(data, 1, sizeof(data), f);
	fclose(f);
	feed_variants(data, size);
	return 0;
}

int
main(int argc, char **argv)
{
	int status = 0;

	feed((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		const char *name = strrchr(argv[i], '/');
		int failed = replay(argv[i]) < 0;
		printf("%s %d - %s\n", failed ? "not ok" : "ok", i, name ? name + 1 : argv[i]);
		fflush(stdout);
		status |= failed;
	}
	return status;
}
