/* What a scan makes of cache directories: recorded ones, what lies beside the
 * blobs, what was known before, many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* ---- recorded ones */

static const struct {
    const char *archive, *name;
    size_t blobs, live_blobs, generations, undated;
    const char *live;
} recorded[] = {
    {"oci-cache-1-after-first-build.tar", "b1", 9, 9, 1, 0,
     "sha256:aa33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286"},
    {"oci-cache-2-after-5-rebuilds.tar", "b6", 32, 10, 6, 0,
     "sha256:0dc874a1f0bfdd75a1827e3ec781870eb3ed0ba5d5d73cd838c9fb0460edd3e2"},
    {"oci-cache-3-image-manifest-form.tar", "opt", 12, 12, 1, 3, /* re-compressed base */
     "sha256:f39bac775aaadc6a81105732ebe12e415607122944b54d28994bf01d2c97446b"},
};

static void test_recorded(void **state)
{
    struct kit *kit = *state;
    for (size_t i = 0; i < LEN(recorded); i++) {
        kit_unpack(kit, recorded[i].archive);
        free(kit->dir);
        kit->name = recorded[i].name;
        kit->dir = path_join(kit->root, kit->name);
        struct cache *cache = kit_check(kit);
        char text[DIGEST_TEXT_SIZE];
        kit_assert_state(CACHE_OK, cache);
        assert_int_equal(recorded[i].blobs, cache->blobs_len);
        assert_int_equal(recorded[i].generations, cache->generations_len);
        assert_int_equal(recorded[i].live_blobs, cache->generations[0].blobs_len);
        assert_string_equal(recorded[i].live, digest_text(text, &cache->generations[0].manifest));
        assert_string_equal("latest", cache->generations[0].tag);
        assert_int_equal(0, cache->orphan_bytes);
        assert_int_equal(0, cache->problems_total);
        for (size_t g = 0; g < cache->generations_len; g++) {
            assert_true(cache->generations[g].whole);
            assert_int_equal(g == 0, cache->generations[g].live);
            if (g > 1)
                assert_true(cache->generations[g].exported_at <=
                            cache->generations[g - 1].exported_at);
        }
        size_t dated = 0, layers = 0;
        for (size_t b = 0; b < cache->blobs_len; b++) {
            layers += cache->blobs[b].role == BLOB_LAYER;
            dated += cache->blobs[b].role == BLOB_LAYER && cache->blobs[b].created_at != 0;
        }
        assert_int_equal(layers, dated + recorded[i].undated);
        cache_free(cache);
    }
}

/* ---- other directories */

static void test_empty(void **state)
{
    struct kit *kit = *state;
    dir_make(kit->root, "api");
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_EMPTY, cache);
    assert_true(cache->size_bytes > 0 || kit_du(kit) == 0);
    cache_free(cache);
    dir_make(kit->root, "api/one/two");
    cache = kit_check(kit);
    kit_assert_state(CACHE_EMPTY, cache);
    cache_free(cache);
    dir_make(kit->root, "api/blobs/sha256"); /* as an export leaves it whose directory went */
    cache = kit_check(kit);
    kit_assert_state(CACHE_EMPTY, cache);
    cache_free(cache);
}

static void test_missing(void **state)
{
    struct kit *kit = *state;
    struct cache *cache = kit_scan(kit, NULL);
    kit_assert_state(CACHE_MISSING, cache);
    assert_int_equal(0, cache->size_bytes);
    cache_free(cache);
}

/* ---- links */

static void test_hard_links(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    kit_layer(kit, 50, 20000);
    char *one = path_join(kit->dir, kit_blob_path(1)),
         *orphan = path_join(kit->dir, kit_blob_path(50));
    char *outside = path_join(kit->root, "outside"),
         *inside = path_join(kit->dir, kit_blob_path(51));
    char *stray = path_join(kit->dir, "stray");
    assert_int_equal(0, link(one, outside));
    assert_int_equal(0, link(one, inside)); /* an orphan that is live by its other name */
    assert_int_equal(0, link(orphan, stray));
    struct cache *cache = kit_check(kit);
    assert_int_equal(kit_find(cache, 1)->allocated_bytes, cache->shared_bytes);
    assert_int_equal(kit_find(cache, 50)->allocated_bytes, cache->orphan_bytes);
    assert_int_equal(3, kit_find(cache, 1)->nlink);
    cache_free(cache);
    free(one);
    free(orphan);
    free(outside);
    free(inside);
    free(stray);
}

/* ---- leftovers and the signs of an export */

static void make_ingest(struct kit *kit, int64_t age)
{
    kit_write(kit, "ingest/abc/ref", "layer-sha256:00", 15);
    char *data = mem_zalloc(30000);
    kit_write(kit, "ingest/abc/data", data, 30000);
    free(data);
    kit_set_age(kit, "ingest/abc/ref", 5000000);
    kit_set_age(kit, "ingest/abc/data", age);
    kit_set_age(kit, "ingest/abc", 5000000);
}

static void test_ingest(void **state)
{
    static const struct {
        int64_t age;
        enum cache_state state;
    } cases[] = {
        {1000000, CACHE_OK}, {700, CACHE_OK},    {500, CACHE_BUSY},
        {0, CACHE_BUSY},     {-300, CACHE_BUSY}, /* a clock that runs ahead */
        {-90000, CACHE_OK},                      /* a time that says nothing */
    };
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (size_t i = 0; i < LEN(cases); i++) {
        make_ingest(kit, cases[i].age);
        struct cache *cache = kit_check(kit);
        kit_assert_state(cases[i].state, cache);
        assert_int_equal(1, cache->leftovers_len);
        assert_int_equal(LEFTOVER_INGEST, cache->leftovers[0].kind);
        assert_string_equal("ingest/abc", cache->leftovers[0].name);
        bool busy = cases[i].state == CACHE_BUSY;
        assert_int_equal(busy ? 0 : cache->leftovers[0].allocated_bytes,
                         cache_garbage_bytes(cache));
        assert_int_equal(busy, cache->busy_sign != NULL);
        cache_free(cache);
    }
}

static void test_young_blob(void **state)
{
    static const struct {
        int64_t blob, index;
        enum cache_state state;
    } cases[] = {
        {5, 100, CACHE_BUSY}, {5, 4, CACHE_OK}, /* the export has just ended */
        {5, 5, CACHE_OK},     {700, 800, CACHE_OK}, {-90000, 100, CACHE_OK}, {5, -90000, CACHE_OK},
    };
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (size_t i = 0; i < LEN(cases); i++) {
        int64_t now = time(NULL);
        kit_set_time(kit, kit_blob_path(2), now - cases[i].blob);
        kit_set_time(kit, "index.json", now - cases[i].index);
        struct cache *cache = kit_check(kit);
        kit_assert_state(cases[i].state, cache);
        cache_free(cache);
    }
}

static void test_aside_and_temporary(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    kit_write(kit, ".bilge-aside/00", "x", 1);
    kit_write(kit, ".bilge-aside.00", "x", 1);
    kit_write(kit, ".fsverity-check-1/x", "x", 1);
    struct cache *cache = kit_check(kit);
    size_t kinds[4] = {0};
    for (size_t i = 0; i < cache->leftovers_len; i++)
        kinds[cache->leftovers[i].kind]++;
    assert_int_equal(2, kinds[LEFTOVER_ASIDE]);
    assert_int_equal(1, kinds[LEFTOVER_TEMPORARY]);
    kit_assert_state(CACHE_OK, cache);
    assert_int_equal(0, cache->problems_total);
    cache_free(cache);
}

/* ---- an earlier scan */

static void assert_same(const struct cache *a, const struct cache *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->live_bytes, b->live_bytes);
    assert_int_equal(a->older_bytes, b->older_bytes);
    assert_int_equal(a->orphan_bytes, b->orphan_bytes);
    assert_int_equal(a->problems_total, b->problems_total);
    assert_int_equal(a->files, b->files);
    assert_int_equal(a->blobs_len, b->blobs_len);
    for (size_t i = 0; i < a->blobs_len; i++)
        assert_memory_equal(&a->blobs[i], &b->blobs[i],
                            offsetof(struct cache_blob, role) + sizeof a->blobs[i].role);
    assert_int_equal(a->generations_len, b->generations_len);
    for (size_t i = 0; i < a->generations_len; i++) {
        const struct cache_generation *one = &a->generations[i], *two = &b->generations[i];
        assert_memory_equal(&one->manifest, &two->manifest, sizeof one->manifest);
        assert_int_equal(one->live, two->live);
        assert_int_equal(one->whole, two->whole);
        assert_int_equal(one->shrunken, two->shrunken);
        assert_int_equal(one->blobs_len, two->blobs_len);
        assert_memory_equal(one->blobs, two->blobs, one->blobs_len * sizeof *one->blobs);
        assert_int_equal(one->unique_bytes, two->unique_bytes);
    }
}

/* Whatever happens between two scans, the second is as if it were the first. */
static void test_previous(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 4);
    kit_generation(kit, 110, 111, 3, 4);
    kit_index(kit, (unsigned[]){110}, 1);
    struct cache *previous = kit_scan(kit, NULL);
    for (int step = 0; step < 8; step++) {
        char *path;
        switch (step) {
        case 1:
            kit_layer(kit, 60, 4000);
            break;
        case 2:
            kit_generation(kit, 120, 121, 5, 4);
            break;
        case 3:
            kit_index(kit, (unsigned[]){120}, 1);
            break;
        case 4: /* a layer of an older generation goes */
            path = path_join(kit->dir, kit_blob_path(1));
            unlink(path);
            free(path);
            break;
        case 5: /* an older manifest goes */
            path = path_join(kit->dir, kit_blob_path(110));
            unlink(path);
            free(path);
            break;
        case 6: /* a live layer is written anew, shorter: another inode */
            path = path_join(kit->dir, kit_blob_path(7));
            file_write_text(kit->root, "new", "short");
            {
                char *new = path_join(kit->root, "new");
                assert_int_equal(0, rename(new, path));
                free(new);
            }
            free(path);
            break;
        case 7:
            kit_index(kit, (unsigned[]){100, 120}, 2);
            break;
        }
        struct cache *fresh = kit_check(kit), *again = kit_scan(kit, previous);
        assert_same(fresh, again);
        cache_free(fresh);
        cache_free(previous);
        previous = again;
    }
    struct cache *copy = cache_copy(previous);
    assert_same(previous, copy);
    cache_free(copy);
    cache_free(previous);
}

/* Enough for several batches of names. */
static void test_many_blobs(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (unsigned i = 1000; i < 4000; i++)
        kit_write(kit, kit_blob_path(i), "x", 1);
    struct cache *cache = kit_check(kit);
    assert_int_equal(3005, cache->blobs_len);
    assert_int_equal(3005 + 6, cache->files);
    for (size_t i = 1; i < cache->blobs_len; i++)
        assert_true(memcmp(&cache->blobs[i - 1].digest, &cache->blobs[i].digest, 32) < 0);
    cache_free(cache);
}

int main(void)
{
    limit_program(120);
#define WITH(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, kit_setup_bare, kit_teardown)
    const struct CMUnitTest tests[] = {
        BARE(test_recorded),
        BARE(test_empty),
        BARE(test_missing),
        WITH(test_hard_links),
        WITH(test_ingest),
        WITH(test_young_blob),
        WITH(test_aside_and_temporary),
        WITH(test_previous),
        WITH(test_many_blobs),
    };
    return cmocka_run_group_tests_name("cache_scan", tests, NULL, NULL);
}
