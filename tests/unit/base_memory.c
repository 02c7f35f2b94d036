/* buf, arena, map, vec: what holds things. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/arena.h"
#include "tern/base/map.h"
#include "tern/base/vec.h"

static void
test_buf_is_always_terminated(void **state)
{
	struct buf b = BUF_INIT;

	assert_string_equal(b.ptr, "");
	buf_reset(&b);
	buf_truncate(&b, 0);
	buf_release(&b); /* twice is fine */
	buf_release(&b);
	buf_adds(&b, "");
	buf_add(&b, NULL, 0);
	assert_string_equal(b.ptr, "");
	for (int i = 0; i < 1000; i++) {
		buf_addc(&b, 'x');
		assert_int_equal(b.ptr[b.len], '\0');
	}
	assert_int_equal(b.len, 1000);
	buf_truncate(&b, 3);
	assert_string_equal(b.ptr, "xxx");
	buf_addn(&b, '-', 2);
	buf_addf(&b, "%d%s", 7, "!");
	assert_string_equal(b.ptr, "xxx--7!");
	buf_consume(&b, 3);
	assert_string_equal(b.ptr, "--7!");
	buf_consume(&b, 4);
	assert_int_equal(b.len, 0);
	buf_wipe(&b);
	assert_string_equal(b.ptr, "");
}

static void
test_buf_holds_nul_and_long_formats(void **state)
{
	struct buf b = BUF_INIT;
	char *long_text = xmalloc(5001);

	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_str_is(buf_str(&b), ((struct str){ "a\0b", 3 }));
	buf_reset(&b);
	memset(long_text, 'y', 5000);
	long_text[5000] = '\0';
	buf_addf(&b, "<%s>", long_text);
	assert_int_equal(b.len, 5002);
	assert_int_equal(b.ptr[5001], '>');
	free(long_text);

	char *mine = buf_take(&b);
	assert_int_equal(strlen(mine), 5002);
	assert_int_equal(b.len, 0);
	free(mine);
	mine = buf_take(&b); /* of an empty one, too */
	assert_string_equal(mine, "");
	free(mine);
}

static void
test_arena(void **state)
{
	struct arena a = ARENA_INIT;

	arena_reset(&a);
	for (size_t size = 0; size < 10000; size += 37) {
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size); /* a sanitizer sees an overlap, the next turn too */
	}
	assert_true(a.used_bytes > 1000000);
	struct str copy = arena_str(&a, STR("text"));
	assert_str(copy, "text");
	assert_int_equal(copy.ptr[4], '\0');
	assert_string_equal(arena_cstr(&a, STR_NONE), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 5, "x"), "5-x");
	arena_reset(&a);
	assert_int_equal(a.used_bytes, 0);
	unsigned char *p = arena_alloc(&a, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0); /* zeroed also when used before */
	arena_release(&a);
	arena_release(&a);
}

static bool
count_until(struct str key, void *value, void *ctx)
{
	int *left = ctx;

	return --*left > 0;
}

static void
test_map(void **state)
{
	struct map m = MAP_INIT;
	int values[3];

	assert_null(map_get(&m, STR("a")));
	assert_false(map_has(&m, STR("a")));
	assert_null(map_remove(&m, STR("a")));
	assert_null(map_set(&m, STR("a"), &values[0]));
	assert_ptr_equal(map_set(&m, STR("a"), &values[1]), &values[0]);
	assert_int_equal(m.count, 1);
	assert_null(map_set(&m, STR(""), &values[2]));
	assert_null(map_set(&m, ((struct str){ "a\0", 2 }), NULL));
	assert_true(map_has(&m, ((struct str){ "a\0", 2 })));
	assert_null(map_get(&m, ((struct str){ "a\0", 2 })));
	assert_ptr_equal(map_get(&m, STR("a")), &values[1]);
	assert_ptr_equal(map_get(&m, STR_NONE), &values[2]);
	assert_ptr_equal(map_remove(&m, STR("a")), &values[1]);
	assert_false(map_has(&m, STR("a")));
	assert_int_equal(m.count, 2);
	int left = 1;
	map_each(&m, count_until, &left);
	assert_int_equal(left, 0);
	map_release(&m, NULL);
	map_release(&m, NULL);
}

static void
test_map_of_numbers(void **state)
{
	struct map m = MAP_INIT;
	struct test_random chance = { 7 };
	static bool has[2000];
	size_t count = 0;

	memset(has, 0, sizeof(has));
	for (int i = 0; i < 50000; i++) {
		uint32_t key = test_random(&chance, 2000);
		/* far apart, and differing in high bits alone */
		uint64_t wide = (uint64_t)key << 40 | key;
		if (test_random(&chance, 3) > 0) {
			void *old = map_set64(&m, wide, xmalloc(8));
			assert_true((old != NULL) == has[key]);
			count += old == NULL;
			free(old);
			has[key] = true;
		} else {
			void *old = map_remove64(&m, wide);
			assert_true((old != NULL) == has[key]);
			count -= old != NULL;
			free(old);
			has[key] = false;
		}
		assert_int_equal(m.count, count);
	}
	for (uint32_t key = 0; key < 2000; key++)
		assert_true(map_has64(&m, (uint64_t)key << 40 | key) == has[key]);
	map_release(&m, free);
}

static void
test_hash64_is_stable(void **state)
{
	/* FNV-1a: sockets and files are named by it, for ever. */
	assert_true(hash64(STR("")) == 0xcbf29ce484222325ULL);
	assert_true(hash64(STR("a")) == 0xaf63dc4c8601ec8cULL);
	assert_true(hash64(STR("foobar")) == 0x85944171f73967e8ULL);
}

static void
test_vec(void **state)
{
	VEC(int) v = VEC_INIT;

	for (int i = 0; i < 100; i++)
		vec_push(&v, i);
	vec_insert(&v, 0, -1);
	vec_insert(&v, 101, 100);
	vec_insert(&v, 51, 1000);
	assert_int_equal(v.n, 103);
	assert_int_equal(v.v[0], -1);
	assert_int_equal(v.v[51], 1000);
	assert_int_equal(v.v[52], 50);
	assert_int_equal(v.v[102], 100);
	vec_remove(&v, 51);
	vec_remove(&v, 0);
	vec_remove(&v, v.n - 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(v.v[i], i);
	vec_remove_item(&v, 0);
	assert_int_equal(v.v[0], 1);
	vec_remove_item(&v, 99);
	vec_remove_item(&v, 1000); /* it is not there */
	assert_int_equal(v.v[v.n - 1], 98);
	assert_int_equal(v.n, 98);
	vec_reset(&v);
	assert_int_equal(v.n, 0);
	vec_release(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_is_always_terminated),
		cmocka_unit_test(test_buf_holds_nul_and_long_formats),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_of_numbers),
		cmocka_unit_test(test_hash64_is_stable),
		cmocka_unit_test(test_vec),
	};

	return cmocka_run_group_tests_name("base_memory", tests, NULL, NULL);
}
