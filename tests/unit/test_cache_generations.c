/* Which generations a cache has, and what belongs to each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* A layer's time is the annotation's, to the nanosecond. */
static void test_layer_time(void **state)
{
    struct kit *kit = *state;
    int64_t at;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    struct cache *cache = kit_check(kit);
    assert_true(clock_parse("2026-01-02T03:04:02.5Z", &at));
    assert_int_equal(at, kit_find(cache, 2)->created_at);
    assert_int_equal(0, kit_find(cache, 101)->created_at);
    cache_free(cache);
}

/* Re-compressed layers have none: then the cache config tells it. */
static void test_layer_time_from_config(void **state)
{
    struct kit *kit = *state;
    int64_t at;
    char *config =
        mem_printf("{\"layers\":[{\"blob\":\"%s\",\"parent\":-1},{\"blob\":\"%s\"}],"
                   "\"records\":[{\"layers\":[{\"createdAt\":\"2026-05-06T07:08:09Z\"}]},"
                   "{\"layers\":[{\"layer\":1,\"createdAt\":\"2026-05-06T07:08:10Z\"},"
                   "{\"layer\":9,\"createdAt\":\"2026-05-06T07:08:10Z\"}]}]}",
                   kit_digest(1), kit_digest(2));
    kit_layer(kit, 1, 600);
    kit_layer(kit, 2, 600);
    kit_blob(kit, 101, config);
    char *manifest = mem_printf("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" KIT_CONFIG
                                "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":["
                                "{\"mediaType\":\"x\",\"digest\":\"%s\",\"size\":600},"
                                "{\"mediaType\":\"x\",\"digest\":\"%s\",\"size\":600}]}",
                                kit_digest(101), strlen(config), kit_digest(1), kit_digest(2));
    kit_blob(kit, 100, manifest);
    kit_index(kit, (unsigned[]){100}, 1);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_OK, cache);
    assert_true(clock_parse("2026-05-06T07:08:09Z", &at));
    assert_int_equal(at, kit_find(cache, 1)->created_at);
    assert_int_equal(at + CLOCK_SECOND, kit_find(cache, 2)->created_at);
    cache_free(cache);
    free(config);
    free(manifest);
}

/* ---- generations */

static void test_generations(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 4); /* 1 2 3 4 */
    kit_generation(kit, 110, 111, 3, 4); /*     3 4 5 6 */
    kit_generation(kit, 120, 121, 5, 4); /*         5 6 7 8 */
    kit_layer(kit, 50, 9000);            /* of none */
    kit_index(kit, (unsigned[]){120}, 1);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_OK, cache);
    assert_int_equal(3, cache->generations_len);
    struct digest newest = kit_digest_value(120), middle = kit_digest_value(110);
    assert_true(digest_equal(&newest, &cache->generations[0].manifest));
    assert_true(digest_equal(&middle, &cache->generations[1].manifest));
    assert_true(cache->generations[0].live && !cache->generations[1].live);
    assert_null(cache->generations[1].tag);
    assert_int_equal(BLOB_ORPHAN, kit_find(cache, 50)->class);
    assert_int_equal(BLOB_OLDER, kit_find(cache, 4)->class);
    assert_int_equal(2, kit_find(cache, 4)->generations);
    assert_int_equal(BLOB_LIVE, kit_find(cache, 5)->class);
    assert_int_equal(BLOB_MANIFEST, kit_find(cache, 100)->role);
    assert_int_equal(BLOB_CONFIG, kit_find(cache, 101)->role);
    assert_int_equal(kit_find(cache, 50)->allocated_bytes, cache->orphan_bytes);
    int64_t unique = kit_find(cache, 110)->allocated_bytes + kit_find(cache, 111)->allocated_bytes;
    assert_int_equal(unique, cache->generations[1].unique_bytes);
    assert_int_equal(cache->older_bytes + cache->orphan_bytes, cache_garbage_bytes(cache));
    assert_int_equal(cache->last_export_at, cache->generations[0].exported_at);
    assert_int_equal(kit_find(cache, 110)->modified_at, cache->generations[1].exported_at);
    cache_free(cache);
}

/* Old manifests are found whatever the order of their names and times. */
static void test_generations_in_any_order(void **state)
{
    for (unsigned order = 0; order < 4; order++) {
        struct kit *kit = *state;
        kit_free(kit);
        kit_new(kit, false);
        kit_generation(kit, 200 + order, 101, 1, 3);
        kit_generation(kit, 300 + order, 111, 11, 3);
        kit_generation(kit, 400 + order, 121, 21, 3);
        kit_index(kit, (unsigned[]){300 + order}, 1);
        if (order % 2 == 1) /* as after a copy that kept no times */
            for (unsigned i = 0; i < 500; i++)
                if (kit_exists(kit, kit_blob_path(i)))
                    kit_set_time(kit, kit_blob_path(i), 1700000000);
        struct cache *cache = kit_check(kit);
        assert_int_equal(3, cache->generations_len);
        assert_int_equal(0, cache->orphan_bytes);
        cache_free(cache);
    }
}

static void test_several_tags(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_generation(kit, 110, 111, 2, 3);
    kit_generation(kit, 120, 121, 3, 3);
    kit_index(kit, (unsigned[]){100, 120, 100}, 3);
    struct cache *cache = kit_check(kit);
    size_t live = 0;
    assert_int_equal(3, cache->generations_len);
    for (size_t i = 0; i < 3; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        struct digest first = kit_digest_value(100);
        live += generation->live;
        if (digest_equal(&first, &generation->manifest))
            assert_string_equal("latest, tag2", generation->tag);
    }
    assert_int_equal(2, live);
    assert_int_equal(BLOB_LIVE, kit_find(cache, 1)->class);
    assert_int_equal(BLOB_LIVE, kit_find(cache, 5)->class);
    assert_int_equal(BLOB_OLDER, kit_find(cache, 110)->class);
    cache_free(cache);
}

/* index.json → docker manifest list → index → layers, all of it live. */
static void test_nested(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_generation(kit, 110, 111, 11, 3);
    kit_manifest(kit, 90, (struct kit_entry[]){{100, KIT_MANIFEST}, {110, KIT_INDEX}}, 2);
    kit_manifest(kit, 91, (struct kit_entry[]){{90, KIT_LIST}, {5, NULL}}, 2);
    kit_layer(kit, 5, 7);
    kit_index(kit, (unsigned[]){91}, 1);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_OK, cache);
    assert_int_equal(1, cache->generations_len);
    assert_true(cache->generations[0].whole);
    assert_int_equal(cache->blobs_len, cache->generations[0].blobs_len);
    assert_int_equal(0, cache->older_bytes + cache->orphan_bytes);
    cache_free(cache);
}

/* Superseded nested ones are one generation, not one for each manifest. */
static void test_nested_older(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_manifest(kit, 90, (struct kit_entry[]){{100, KIT_MANIFEST}}, 1);
    kit_generation(kit, 120, 121, 21, 3);
    kit_index(kit, (unsigned[]){120}, 1);
    struct cache *cache = kit_check(kit);
    assert_int_equal(2, cache->generations_len);
    assert_int_equal(6, cache->generations[1].blobs_len);
    cache_free(cache);
}

/* Each needs the other's size: their texts are equally long. */
static void make_ring(struct kit *kit)
{
    for (int pass = 0; pass < 2; pass++) {
        kit_manifest(kit, 90, (struct kit_entry[]){{91, KIT_INDEX}, {1, NULL}, {90, KIT_INDEX}}, 3);
        kit_manifest(kit, 91, (struct kit_entry[]){{90, KIT_INDEX}, {1, NULL}, {91, KIT_INDEX}}, 3);
    }
}

/* Manifests that lead back to themselves come to an end, and are no build cache. */
static void test_cycle(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 120, 121, 21, 3);
    kit_layer(kit, 1, 700);
    make_ring(kit);
    make_ring(kit);
    for (int live = 0; live < 2; live++) {
        kit_index(kit, live ? (unsigned[]){91} : (unsigned[]){120}, 1);
        struct cache *cache = kit_check(kit);
        kit_assert_state(CACHE_FOREIGN, cache);
        cache_free(cache);
    }
}

static void test_same_layer_listed_twice(void **state)
{
    struct kit *kit = *state;
    kit_layer(kit, 1, 5000);
    kit_blob(kit, 91, "{\"layers\":[],\"records\":[]}");
    kit_manifest(kit, 90,
                 (struct kit_entry[]){{1, NULL}, {1, NULL}, {2, NULL}, {2, NULL}, {91, KIT_CONFIG}},
                 5);
    kit_index(kit, (unsigned[]){90}, 1);
    struct cache *cache = kit_check(kit);
    assert_int_equal(3, cache->generations[0].blobs_len);
    assert_int_equal(kit_find(cache, 1)->allocated_bytes + kit_find(cache, 90)->allocated_bytes +
                         kit_find(cache, 91)->allocated_bytes,
                     cache->generations[0].reach_bytes);
    assert_int_equal(1, cache->problems_total); /* 2 is missing, once */
    cache_free(cache);
}

/* ---- a shrunken export */

static void test_shrunken(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 5);
    kit_generation(kit, 110, 111, 1, 3);
    kit_index(kit, (unsigned[]){110}, 1);
    struct cache *cache = kit_check(kit);
    assert_true(cache->generations[0].shrunken);
    assert_true(cache->generations[1].fuller);
    cache_free(cache);
    /* One more export of the same layers in between hides nothing. */
    kit_generation(kit, 120, 121, 1, 3);
    kit_index(kit, (unsigned[]){120}, 1);
    cache = kit_check(kit);
    assert_true(cache->generations[0].shrunken);
    assert_false(cache->generations[1].fuller);
    assert_true(cache->generations[2].fuller);
    cache_free(cache);
    /* One that can't be restored is of no use. */
    char *path = path_join(kit->dir, kit_blob_path(5));
    unlink(path);
    free(path);
    cache = kit_check(kit);
    assert_false(cache->generations[0].shrunken);
    assert_false(cache->generations[2].fuller);
    assert_false(cache->generations[2].whole);
    cache_free(cache);
}

static void test_not_shrunken(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 5);
    kit_generation(kit, 110, 111, 3, 5); /* others, not only fewer */
    kit_index(kit, (unsigned[]){110}, 1);
    struct cache *cache = kit_check(kit);
    assert_false(cache->generations[0].shrunken);
    assert_false(cache->generations[1].fuller);
    cache_free(cache);
}

/* Milliseconds apart, in the order of their making, as `cp -r` leaves them; with
 * `gap`, a second passes after each generation. */
static void set_times(struct kit *kit, unsigned first, unsigned last, unsigned each, bool gap)
{
    int64_t at = (int64_t)1700000000 * 1000;
    for (unsigned i = first; i < last; i++) {
        struct timespec times[2] = {{at / 1000, at % 1000 * 1000000},
                                    {at / 1000, at % 1000 * 1000000}};
        char *path = path_join(kit->dir, kit_blob_path(i));
        assert_int_equal(0, utimensat(AT_FDCWD, path, times, 0));
        free(path);
        at += gap && (i - first) % each == each - 1 ? 1000 : 1;
    }
}

/* In a cache too large to look into each blob, all generations are still found:
 * by the times, or where they tell nothing, after a sample. */
static void test_many_generations(void **state)
{
    enum { EACH = 5, FIRST = 10000, GENERATIONS = 300, LAST = FIRST + EACH * GENERATIONS };
    struct kit *kit = *state;
    for (unsigned i = FIRST; i < LAST; i += EACH) {
        struct kit_entry entries[EACH - 1];
        for (unsigned j = 0; j < EACH - 1; j++) {
            kit_layer(kit, i + j, 200);
            entries[j] = (struct kit_entry){i + j, j == 0 ? KIT_CONFIG : NULL};
        }
        kit_manifest(kit, i + EACH - 1, entries, EACH - 1);
    }
    kit_index(kit, (unsigned[]){LAST - 1}, 1);
    for (int gap = 0; gap < 2; gap++) {
        set_times(kit, FIRST, LAST, EACH, gap != 0);
        struct cache *cache = kit_check(kit);
        assert_int_equal(GENERATIONS, cache->generations_len);
        assert_int_equal(0, cache->orphan_bytes);
        cache_free(cache);
    }
}

/* Many orphans and one superseded generation among them. */
static void test_many_orphans(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    for (unsigned i = 10000; i < 12000; i++)
        kit_layer(kit, i, 200);
    kit_generation(kit, 110, 111, 11, 3);
    kit_index(kit, (unsigned[]){110}, 1);
    set_times(kit, 10000, 12000, 10, true);
    struct cache *cache = kit_check(kit);
    assert_int_equal(2, cache->generations_len);
    assert_true(cache->orphan_bytes > 0);
    cache_free(cache);
}

int main(void)
{
    limit_program(120);
#define WITH(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        WITH(test_layer_time),
        WITH(test_layer_time_from_config),
        WITH(test_generations),
        WITH(test_generations_in_any_order),
        WITH(test_several_tags),
        WITH(test_nested),
        WITH(test_nested_older),
        WITH(test_cycle),
        WITH(test_same_layer_listed_twice),
        WITH(test_shrunken),
        WITH(test_not_shrunken),
        WITH(test_many_generations),
        WITH(test_many_orphans),
    };
    return cmocka_run_group_tests_name("cache_generations", tests, NULL, NULL);
}
