/* What a scan makes of cache directories: right ones, odd ones, hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/cache/scan.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

static int setup(void **state)
{
    struct kit *kit = mem_zalloc(sizeof *kit);
    kit_new(kit, false);
    *state = kit;
    return 0;
}

static int setup_bare(void **state)
{
    struct kit *kit = mem_zalloc(sizeof *kit);
    kit_new(kit, true);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    kit_free(*state);
    free(*state);
    return 0;
}

static void assert_state(enum cache_state wanted, const struct cache *cache)
{
    if (cache->state != wanted)
        print_error("error: %s; sign: %s\n", cache->error ? cache->error : "-",
                    cache->busy_sign ? cache->busy_sign : "-");
    assert_string_equal(cache_state_name(wanted), cache_state_name(cache->state));
}

/* One problem, and its words. */
static void assert_problem(const struct cache *cache, enum problem_kind kind, const char *words)
{
    for (size_t i = 0; i < cache->problems_len; i++)
        if (cache->problems[i].kind == kind && strstr(cache->problems[i].detail, words) != NULL)
            return;
    for (size_t i = 0; i < cache->problems_len; i++)
        print_error("%s: %s\n", problem_kind_name(cache->problems[i].kind),
                    cache->problems[i].detail);
    fail_msg("no problem \"%s\"", words);
}

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
        assert_state(CACHE_OK, cache);
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
    char *config = mem_printf("{\"layers\":[{\"blob\":\"%s\",\"parent\":-1},{\"blob\":\"%s\"}],"
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
    assert_state(CACHE_OK, cache);
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
    kit_generation(kit, 100, 101, 1, 4);  /* 1 2 3 4 */
    kit_generation(kit, 110, 111, 3, 4);  /*     3 4 5 6 */
    kit_generation(kit, 120, 121, 5, 4);  /*         5 6 7 8 */
    kit_layer(kit, 50, 9000);             /* of none */
    kit_index(kit, (unsigned[]){120}, 1);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_OK, cache);
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
    assert_state(CACHE_OK, cache);
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

static void test_cycle(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 120, 121, 21, 3);
    kit_layer(kit, 1, 700);
    /* Each needs the other's size: their texts are equally long. */
    for (int pass = 0; pass < 2; pass++) {
        kit_manifest(kit, 90, (struct kit_entry[]){{91, KIT_INDEX}, {1, NULL}, {90, KIT_INDEX}}, 3);
        kit_manifest(kit, 91, (struct kit_entry[]){{90, KIT_INDEX}, {1, NULL}, {91, KIT_INDEX}}, 3);
    }
    for (int pass = 0; pass < 2; pass++) {
        kit_manifest(kit, 90, (struct kit_entry[]){{91, KIT_INDEX}, {1, NULL}, {90, KIT_INDEX}}, 3);
        kit_manifest(kit, 91, (struct kit_entry[]){{90, KIT_INDEX}, {1, NULL}, {91, KIT_INDEX}}, 3);
    }
    kit_index(kit, (unsigned[]){120}, 1);
    struct cache *cache = kit_check(kit);
    assert_int_equal(2, cache->generations_len); /* the ring is one */
    assert_int_equal(3, cache->generations[1].blobs_len);
    cache_free(cache);
    kit_index(kit, (unsigned[]){91}, 1);
    cache = kit_check(kit);
    assert_int_equal(BLOB_LIVE, kit_find(cache, 90)->class);
    assert_int_equal(3, cache->generations[0].blobs_len);
    cache_free(cache);
}

static void test_same_layer_listed_twice(void **state)
{
    struct kit *kit = *state;
    kit_layer(kit, 1, 5000);
    kit_manifest(kit, 90, (struct kit_entry[]){{1, NULL}, {1, NULL}, {2, NULL}, {2, NULL}}, 4);
    kit_index(kit, (unsigned[]){90}, 1);
    struct cache *cache = kit_check(kit);
    assert_int_equal(2, cache->generations[0].blobs_len);
    assert_int_equal(kit_find(cache, 1)->allocated_bytes + kit_find(cache, 90)->allocated_bytes,
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

/* ---- damage */

static void test_missing_layer(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    char *path = path_join(kit->dir, kit_blob_path(2));
    unlink(path);
    free(path);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_false(cache->live_unknown);
    assert_false(cache->generations[0].whole);
    assert_problem(cache, PROBLEM_MISSING, "the next build fails until");
    assert_true(cache->problems[0].has_digest);
    assert_int_equal(1, cache->problems_total);
    cache_free(cache);
}

static void test_missing_manifest(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){77}, 1);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_problem(cache, PROBLEM_MISSING, "finds nothing cached");
    assert_int_equal(1, cache->generations_len);
    assert_false(cache->generations[0].live);
    cache_free(cache);
}

static void test_wrong_size(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_layer(kit, 2, 17);
    kit_index(kit, (unsigned[]){100}, 1);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_problem(cache, PROBLEM_SIZE, "17 bytes where");
    assert_false(cache->generations[0].whole);
    cache_free(cache);
}

/* Older generations that are no longer whole are nobody's problem. */
static void test_thinned_older(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_generation(kit, 110, 111, 11, 3);
    kit_index(kit, (unsigned[]){110}, 1);
    char *path = path_join(kit->dir, kit_blob_path(2));
    unlink(path);
    free(path);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_OK, cache);
    assert_int_equal(0, cache->problems_total);
    assert_false(cache->generations[1].whole);
    cache_free(cache);
}

static void check_index(struct kit *kit, const char *text, size_t len, bool unknown,
                        const char *words)
{
    kit_write(kit, "index.json", text, len);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_int_equal(unknown, cache->live_unknown);
    assert_problem(cache, PROBLEM_INDEX, words);
    if (unknown)
        assert_int_equal(0, cache_garbage_bytes(cache));
    cache_free(cache);
}

static void test_damaged_index(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    struct buf deep = {0}, many = {0};
    for (int i = 0; i < 100000; i++)
        buf_append_str(&deep, "{\"a\":");
    buf_append_str(&many, "{\"manifests\":[0");
    for (int i = 0; i < 300000; i++)
        buf_append_str(&many, ",0");
    buf_append_str(&many, "]}");
    check_index(kit, "", 0, true, "empty");
    check_index(kit, "   \n", 4, true, "empty");
    check_index(kit, "{\"schemaVersion\":2,\"manifests\":[{\"medi", 38, true, "no valid JSON");
    check_index(kit, "{\"manifests\":[]}]}", 18, true, "no valid JSON");
    check_index(kit, "[]", 2, true, "no JSON object");
    check_index(kit, "{}", 2, true, "no OCI index");
    check_index(kit, "{\"schemaVersion\":1,\"manifests\":[]}", 34, true, "no OCI index");
    check_index(kit, "\0\0\0\0", 4, true, "no JSON object");
    check_index(kit, deep.data, deep.len, true, "no valid JSON");
    check_index(kit, many.data, many.len, true, "names no manifest");
    check_index(kit, "{\"schemaVersion\":2,\"manifests\":[]}", 34, false, "names no manifest");
    buf_done(&deep);
    buf_done(&many);
}

/* A gigabyte without a block on the disk. */
static void test_huge_json(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (int i = 0; i < 2; i++) {
        char *path = path_join(kit->dir, i == 0 ? kit_blob_path(100) : "index.json");
        assert_int_equal(0, truncate(path, 1 << 30));
        free(path);
        int64_t start = clock_mono_ms();
        struct cache *cache = kit_scan(kit, NULL);
        assert_true(clock_mono_ms() - start < limit_ms(1000));
        assert_true(cache->live_unknown);
        assert_problem(cache, PROBLEM_INDEX, i == 0 ? "larger than 4 MiB" : "larger than");
        cache_free(cache);
    }
}

static void test_no_index(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_problem(cache, PROBLEM_INDEX, "no index.json");
    assert_false(cache->live_unknown);
    assert_int_equal(0, cache->last_export_at);
    cache_free(cache);
    kit_set_age(kit, kit_blob_path(2), 5);
    cache = kit_check(kit);
    assert_state(CACHE_BUSY, cache);
    cache_free(cache);
}

static void test_live_manifest_is_no_json(void **state)
{
    struct kit *kit = *state;
    kit_layer(kit, 100, 500);
    kit_layer(kit, 1, 500);
    kit_index(kit, (unsigned[]){100}, 1);
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_true(cache->live_unknown);
    assert_problem(cache, PROBLEM_INDEX, "what is live is not known");
    assert_int_equal(0, cache_garbage_bytes(cache));
    cache_free(cache);
}

/* Digests that lead elsewhere are followed nowhere. */
static void test_odd_digests(void **state)
{
    static const char *const odd[] = {
        "../../../etc/passwd", "/etc/passwd", "sha256:../../../../../etc/passwd", "sha512:00", "",
        "sha256:ABCDEF",
        "sha256:zz33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286",
        "sha256:aa33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f942286892860",
    };
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    for (size_t i = 0; i < LEN(odd); i++) {
        char *text = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" KIT_INDEX
                                "\",\"digest\":\"%s\",\"size\":1}]}",
                                odd[i]);
        kit_write(kit, "index.json", text, strlen(text));
        struct cache *cache = kit_check(kit);
        assert_true(cache->live_unknown);
        assert_problem(cache, PROBLEM_FOREIGN, "does not follow");
        cache_free(cache);
        kit_blob(kit, 90, text);
        kit_index(kit, (unsigned[]){90}, 1);
        cache = kit_check(kit);
        assert_false(cache->live_unknown);
        assert_false(cache->generations[0].whole);
        assert_problem(cache, PROBLEM_FOREIGN, "the live manifest names 1 thing");
        cache_free(cache);
        free(text);
    }
}

/* ---- what is no file */

static void test_odd_files(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    char *target = path_join(kit->dir, kit_blob_path(2)), *fifo = path_join(kit->dir, kit_blob_path(8));
    char *elsewhere = path_join(kit->root, "elsewhere");
    char *dir = mem_printf("%s/loop", kit_blob_path(9));
    assert_int_equal(0, rename(target, elsewhere));
    assert_int_equal(0, symlink(elsewhere, target));
    assert_int_equal(0, mkfifo(fifo, 0600));
    dir_make(kit->dir, dir);
    file_write_text(kit->dir, "blobs/sha512/00", "x");
    file_write_text(kit->dir, "blobs/sha256/\033[31mred\n", "x");
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_BROKEN, cache);
    assert_problem(cache, PROBLEM_MISSING, "gone");
    assert_problem(cache, PROBLEM_FOREIGN, "no regular file");
    assert_problem(cache, PROBLEM_FOREIGN, "sha512 in blobs/");
    for (size_t i = 0; i < cache->problems_len; i++)
        assert_null(strpbrk(cache->problems[i].detail, "\033\n"));
    cache_free(cache);
    free(target);
    free(elsewhere);
    free(fifo);
    free(dir);
}

/* None of these may be read, or waited for. */
static void test_index_is_no_file(void **state)
{
    struct kit *kit = *state;
    char *index = path_join(kit->dir, "index.json");
    kit_generation(kit, 100, 101, 1, 3);
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0)
            assert_int_equal(0, mkfifo(index, 0600));
        else if (kind == 1)
            assert_int_equal(0, symlink("/etc/passwd", index));
        else
            dir_make(kit->dir, "index.json");
        struct cache *cache = kit_check(kit);
        assert_state(CACHE_BROKEN, cache);
        assert_true(cache->live_unknown);
        assert_problem(cache, PROBLEM_INDEX, "not a regular file");
        cache_free(cache);
        assert_int_equal(0, remove(index));
    }
    free(index);
}

static void test_parts_swapped_for_symlinks(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    char *blobs = path_join(kit->dir, "blobs"), *elsewhere = path_join(kit->root, "elsewhere");
    assert_int_equal(0, rename(blobs, elsewhere));
    assert_int_equal(0, symlink(elsewhere, blobs));
    struct cache *cache = kit_check(kit);
    assert_int_equal(0, cache->blobs_len);
    assert_state(CACHE_BROKEN, cache);
    cache_free(cache);
    free(blobs);
    free(elsewhere);
}

/* ---- other directories */

static void test_empty(void **state)
{
    struct kit *kit = *state;
    dir_make(kit->root, "api");
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_EMPTY, cache);
    assert_true(cache->size_bytes > 0 || kit_du(kit) == 0);
    cache_free(cache);
    dir_make(kit->root, "api/one/two");
    cache = kit_check(kit);
    assert_state(CACHE_EMPTY, cache);
    cache_free(cache);
    dir_make(kit->root, "api/blobs/sha256"); /* as an export leaves it whose directory went */
    cache = kit_check(kit);
    assert_state(CACHE_EMPTY, cache);
    cache_free(cache);
}

static void test_foreign(void **state)
{
    struct kit *kit = *state;
    file_write_text(kit->dir, "src/main.c", "int main(void) {}");
    file_write_text(kit->dir, "index.json", "{\"name\":\"a web project\"}");
    file_write_text(kit->dir, "oci-layouts", "");
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_FOREIGN, cache);
    assert_int_equal(5, cache->files);
    assert_int_equal(0, cache->blobs_len);
    assert_int_equal(0, cache->leftovers_len);
    assert_int_equal(cache->size_bytes, cache->other_bytes);
    assert_int_equal(0, cache_garbage_bytes(cache));
    cache_free(cache);
}

/* A cache exported into somebody's project is a cache with much beside it. */
static void test_cache_in_a_project(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    file_write_text(kit->dir, "src/main.c", "int main(void) {}");
    file_write_text(kit->dir, "index.json.lock", "");
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_OK, cache);
    assert_int_equal(2, cache->leftovers_len);
    bool temporary_first = cache->leftovers[0].kind == LEFTOVER_TEMPORARY;
    assert_string_equal("src", cache->leftovers[temporary_first].name);
    assert_int_equal(LEFTOVER_OTHER, cache->leftovers[temporary_first].kind);
    assert_problem(cache, PROBLEM_FOREIGN, "src is no part of a cache");
    cache_free(cache);
}

static void test_missing(void **state)
{
    struct kit *kit = *state;
    struct cache *cache = kit_scan(kit, NULL);
    assert_state(CACHE_MISSING, cache);
    assert_int_equal(0, cache->size_bytes);
    cache_free(cache);
}

static void test_symlink_and_file(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(0, symlink("/", kit->dir));
    struct cache *cache = kit_check(kit);
    assert_state(CACHE_FOREIGN, cache);
    assert_non_null(strstr(cache->error, "symbolic link"));
    cache_free(cache);
    unlink(kit->dir);
    file_write_text(kit->root, "api", "a file");
    cache = kit_check(kit);
    assert_state(CACHE_FOREIGN, cache);
    cache_free(cache);
}

static void test_bad_names(void **state)
{
    struct kit *kit = *state;
    static const char *const names[] = {"..", ".", "", "api/..", "/etc"};
    for (size_t i = 0; i < LEN(names); i++) {
        kit->name = names[i];
        struct cache *cache = kit_scan(kit, NULL);
        assert_state(CACHE_UNREADABLE, cache);
        assert_int_equal(0, cache->size_bytes);
        cache_free(cache);
    }
}

/* Modes stop nobody who is root, so the scan runs as nobody. */
static int scan_as_nobody(const struct kit *kit)
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(99);
        struct cache *cache = kit_scan(kit, NULL);
        _exit((int)cache->state | (cache->error != NULL ? 0x40 : 0) |
              (cache->live_unknown ? 0x20 : 0));
    }
    int status = 0;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_unreadable(void **state)
{
    static const char *const parts[] = {"blobs/sha256", "blobs", "index.json", ""};
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    chmod(kit->root, 0755);
    for (size_t i = 0; i < LEN(parts); i++) {
        char *path = path_join(kit->dir, parts[i]);
        chmod(path, 0);
        int seen = scan_as_nobody(kit);
        chmod(path, 0755);
        assert_int_equal(CACHE_UNREADABLE, seen & 0x1f);
        if (i != 2) /* that one is told as a problem */
            assert_true(seen & 0x40);
        if (i != 3)
            assert_true(seen & 0x20);
        free(path);
    }
    assert_int_equal(CACHE_OK, scan_as_nobody(kit));
}

/* Deeper than descriptors go: counted as far as that, and told. */
static void test_deep_nesting(void **state)
{
    struct kit *kit = *state;
    int fd = open(kit->root, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(0, mkdirat(fd, i == 0 ? "api" : "d", 0755));
        int below = openat(fd, i == 0 ? "api" : "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = below;
    }
    close(fd);
    struct cache *cache = kit_scan(kit, NULL);
    assert_state(CACHE_FOREIGN, cache);
    assert_non_null(cache->error);
    assert_true(cache->files > 250);
    cache_free(cache);
}

/* ---- links */

static void test_hard_links(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    kit_layer(kit, 50, 20000);
    char *one = path_join(kit->dir, kit_blob_path(1)), *orphan = path_join(kit->dir, kit_blob_path(50));
    char *outside = path_join(kit->root, "outside"), *inside = path_join(kit->dir, kit_blob_path(51));
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
        {1000000, CACHE_OK}, {700, CACHE_OK}, {500, CACHE_BUSY}, {0, CACHE_BUSY},
        {-300, CACHE_BUSY}, /* a clock that runs ahead */
        {-90000, CACHE_OK}, /* a time that says nothing */
    };
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (size_t i = 0; i < LEN(cases); i++) {
        make_ingest(kit, cases[i].age);
        struct cache *cache = kit_check(kit);
        assert_state(cases[i].state, cache);
        assert_int_equal(1, cache->leftovers_len);
        assert_int_equal(LEFTOVER_INGEST, cache->leftovers[0].kind);
        assert_string_equal("ingest/abc", cache->leftovers[0].name);
        bool busy = cases[i].state == CACHE_BUSY;
        assert_int_equal(busy ? 0 : cache->leftovers[0].allocated_bytes, cache_garbage_bytes(cache));
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
        {5, 5, CACHE_OK},     {700, 800, CACHE_OK},
        {-90000, 100, CACHE_OK}, {5, -90000, CACHE_OK},
    };
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (size_t i = 0; i < LEN(cases); i++) {
        int64_t now = time(NULL);
        kit_set_time(kit, kit_blob_path(2), now - cases[i].blob);
        kit_set_time(kit, "index.json", now - cases[i].index);
        struct cache *cache = kit_check(kit);
        assert_state(cases[i].state, cache);
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
    assert_state(CACHE_OK, cache);
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

/* Milliseconds apart, in the order of their making, as `cp -r` leaves them; with
 * `gap`, a second passes after each generation. */
static void set_times(struct kit *kit, unsigned first, unsigned last, unsigned each, bool gap)
{
    int64_t at = (int64_t)1700000000 * 1000;
    for (unsigned i = first; i < last; i++) {
        struct timespec times[2] = {{at / 1000, at % 1000 * 1000000}, {at / 1000, at % 1000 * 1000000}};
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
            entries[j] = (struct kit_entry){i + j, NULL};
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
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, setup_bare, teardown)
    const struct CMUnitTest tests[] = {
        BARE(test_recorded),
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
        WITH(test_missing_layer),
        WITH(test_missing_manifest),
        WITH(test_wrong_size),
        WITH(test_thinned_older),
        WITH(test_damaged_index),
        WITH(test_huge_json),
        WITH(test_no_index),
        WITH(test_live_manifest_is_no_json),
        WITH(test_odd_digests),
        WITH(test_odd_files),
        WITH(test_index_is_no_file),
        WITH(test_parts_swapped_for_symlinks),
        BARE(test_empty),
        BARE(test_foreign),
        WITH(test_cache_in_a_project),
        BARE(test_missing),
        BARE(test_symlink_and_file),
        WITH(test_bad_names),
        WITH(test_unreadable),
        BARE(test_deep_nesting),
        WITH(test_hard_links),
        WITH(test_ingest),
        WITH(test_young_blob),
        WITH(test_aside_and_temporary),
        WITH(test_previous),
        WITH(test_many_blobs),
        WITH(test_many_generations),
        WITH(test_many_orphans),
    };
    return cmocka_run_group_tests_name("cache_scan", tests, NULL, NULL);
}
