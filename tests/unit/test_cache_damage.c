/* What a scan makes of damaged, odd and hostile directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/cache/scan.h"
#include "core/cache/unlink.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

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
    kit_assert_state(CACHE_BROKEN, cache);
    assert_false(cache->live_unknown);
    assert_false(cache->generations[0].whole);
    kit_assert_problem(cache, PROBLEM_MISSING, "the next build fails until");
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
    kit_assert_state(CACHE_BROKEN, cache);
    kit_assert_problem(cache, PROBLEM_MISSING, "finds nothing cached");
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
    kit_assert_state(CACHE_BROKEN, cache);
    kit_assert_problem(cache, PROBLEM_SIZE, "17 bytes where");
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
    kit_assert_state(CACHE_OK, cache);
    assert_int_equal(0, cache->problems_total);
    assert_false(cache->generations[1].whole);
    cache_free(cache);
}

static void check_index(struct kit *kit, const char *text, size_t len, bool unknown,
                        const char *words)
{
    kit_write(kit, "index.json", text, len);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_BROKEN, cache);
    assert_int_equal(unknown, cache->live_unknown);
    kit_assert_problem(cache, PROBLEM_INDEX, words);
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
        kit_assert_problem(cache, PROBLEM_INDEX, i == 0 ? "larger than 4 MiB" : "larger than");
        cache_free(cache);
    }
}

static void test_no_index(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_BROKEN, cache);
    kit_assert_problem(cache, PROBLEM_INDEX, "no index.json");
    assert_false(cache->live_unknown);
    assert_int_equal(0, cache->last_export_at);
    cache_free(cache);
    kit_set_age(kit, kit_blob_path(2), 5);
    cache = kit_check(kit);
    kit_assert_state(CACHE_BUSY, cache);
    cache_free(cache);
}

static void test_live_manifest_is_no_json(void **state)
{
    struct kit *kit = *state;
    kit_layer(kit, 100, 500);
    kit_layer(kit, 1, 500);
    kit_index(kit, (unsigned[]){100}, 1);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_BROKEN, cache);
    assert_true(cache->live_unknown);
    kit_assert_problem(cache, PROBLEM_INDEX, "what is live is not known");
    assert_int_equal(0, cache_garbage_bytes(cache));
    cache_free(cache);
}

/* Digests that lead elsewhere are followed nowhere. */
static void test_odd_digests(void **state)
{
    static const char *const odd[] = {
        "../../../etc/passwd",
        "/etc/passwd",
        "sha256:../../../../../etc/passwd",
        "sha512:00",
        "",
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
        kit_assert_problem(cache, PROBLEM_FOREIGN, "does not understand");
        assert_int_equal(0, cache_garbage_bytes(cache));
        cache_free(cache);
        free(text);
        /* A live manifest that names such a layer, and one that leads nowhere else. */
        char *config =
            mem_printf("{\"mediaType\":\"" KIT_CONFIG "\",\"digest\":\"%s\"},", kit_digest(101));
        for (int is_cache = 1; is_cache >= 0; is_cache--) {
            text = mem_printf("{\"schemaVersion\":2,\"manifests\":[%s{\"mediaType\":\"" KIT_INDEX
                              "\",\"digest\":\"%s\",\"size\":1}]}",
                              is_cache ? config : "", odd[i]);
            kit_blob(kit, 90, text);
            kit_index(kit, (unsigned[]){90}, 1);
            cache = kit_check(kit);
            kit_assert_state(is_cache ? CACHE_BROKEN : CACHE_FOREIGN, cache);
            assert_int_equal(0, cache_garbage_bytes(cache));
            if (is_cache) {
                assert_true(cache->live_unknown && !cache->index_unknown);
                assert_true(cache->generations[0].unknown && !cache->generations[0].whole);
                kit_assert_problem(cache, PROBLEM_FOREIGN, "the live manifest holds 1 thing");
            }
            cache_free(cache);
            free(text);
        }
        free(config);
        char *path = path_join(kit->dir, kit_blob_path(90));
        assert_int_equal(0, unlink(path));
        free(path);
    }
}

/* ---- what is no file */

static void test_odd_files(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    char *target = path_join(kit->dir, kit_blob_path(2)),
         *fifo = path_join(kit->dir, kit_blob_path(8));
    char *elsewhere = path_join(kit->root, "elsewhere");
    char *dir = mem_printf("%s/loop", kit_blob_path(9));
    assert_int_equal(0, rename(target, elsewhere));
    assert_int_equal(0, symlink(elsewhere, target));
    assert_int_equal(0, mkfifo(fifo, 0600));
    dir_make(kit->dir, dir);
    file_write_text(kit->dir, "blobs/sha512/00", "x");
    file_write_text(kit->dir, "blobs/sha256/\033[31mred\n", "x");
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_BROKEN, cache);
    kit_assert_problem(cache, PROBLEM_MISSING, "gone");
    kit_assert_problem(cache, PROBLEM_FOREIGN, "no regular file");
    kit_assert_problem(cache, PROBLEM_FOREIGN, "sha512 in blobs/");
    for (size_t i = 0; i < cache->problems_len; i++)
        assert_null(strpbrk(cache->problems[i].detail, "\033\n"));
    cache_free(cache);
    free(target);
    free(elsewhere);
    free(fifo);
    free(dir);
}

/* None of these may be read, or waited for: what is in them is not known. */
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
        kit_assert_state(CACHE_UNREADABLE, cache);
        assert_true(cache->live_unknown);
        assert_non_null(cache_untouchable(cache));
        kit_assert_problem(cache, PROBLEM_UNREADABLE, "index.json");
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
    kit_assert_state(CACHE_UNREADABLE, cache);
    for (size_t i = 0; i < cache->problems_len; i++) /* it was not seen: nothing is missing */
        assert_int_not_equal(PROBLEM_MISSING, cache->problems[i].kind);
    cache_free(cache);
    free(blobs);
    free(elsewhere);
}

static void test_foreign(void **state)
{
    struct kit *kit = *state;
    file_write_text(kit->dir, "src/main.c", "int main(void) {}");
    file_write_text(kit->dir, "index.json", "{\"name\":\"a web project\"}");
    file_write_text(kit->dir, "oci-layouts", "");
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_FOREIGN, cache);
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
    kit_assert_state(CACHE_OK, cache);
    assert_int_equal(2, cache->leftovers_len);
    bool temporary_first = cache->leftovers[0].kind == LEFTOVER_TEMPORARY;
    assert_string_equal("src", cache->leftovers[temporary_first].name);
    assert_int_equal(LEFTOVER_OTHER, cache->leftovers[temporary_first].kind);
    kit_assert_problem(cache, PROBLEM_FOREIGN, "src is no part of a cache");
    cache_free(cache);
}

static void test_symlink_and_file(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(0, symlink("/", kit->dir));
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_FOREIGN, cache);
    assert_non_null(strstr(cache->error, "symbolic link"));
    cache_free(cache);
    unlink(kit->dir);
    file_write_text(kit->root, "api", "a file");
    cache = kit_check(kit);
    kit_assert_state(CACHE_FOREIGN, cache);
    cache_free(cache);
}

static void test_bad_names(void **state)
{
    struct kit *kit = *state;
    static const char *const names[] = {"..", ".", "", "api/..", "/etc"};
    for (size_t i = 0; i < LEN(names); i++) {
        kit->name = names[i];
        struct cache *cache = kit_scan(kit, NULL);
        kit_assert_state(CACHE_UNREADABLE, cache);
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

static void make_deep(const struct kit *kit, int levels)
{
    int fd = open(kit->root, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < levels; i++) {
        assert_int_equal(0, mkdirat(fd, i == 0 ? "api" : "d", 0755));
        int below = openat(fd, i == 0 ? "api" : "d", O_RDONLY | O_DIRECTORY);
        assert_true(below >= 0);
        close(fd);
        fd = below;
    }
    close(fd);
}

static void clear_deep(const struct kit *kit)
{
    assert_int_equal(0, unlink_tree(kit->root_fd, "api", NULL, NULL, NULL));
}

/* Deeper than there are descriptors, and than a path can be. */
static void test_deep_nesting(void **state)
{
    struct kit *kit = *state;
    static const int levels[] = {300, 400, 5000};
    for (size_t i = 0; i < LEN(levels); i++) {
        make_deep(kit, levels[i]);
        struct cache *cache = kit_scan(kit, NULL);
        kit_assert_state(CACHE_EMPTY, cache);
        assert_null(cache->error);
        assert_int_equal(levels[i], cache->files);
        if (levels[i] < 1000)
            assert_int_equal(kit_du(kit), cache->size_bytes);
        cache_free(cache);
        clear_deep(kit);
    }
}

static void test_deep_nesting_with_few_descriptors(void **state)
{
    struct kit *kit = *state;
    struct rlimit old, few;
    make_deep(kit, 300);
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &old));
    few = old;
    few.rlim_cur = 24;
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
    struct cache *cache = kit_scan(kit, NULL);
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &old));
    kit_assert_state(CACHE_EMPTY, cache);
    assert_int_equal(300, cache->files);
    cache_free(cache);
    clear_deep(kit);
}

int main(void)
{
    limit_program(120);
#define WITH(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, kit_setup_bare, kit_teardown)
    const struct CMUnitTest tests[] = {
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
        BARE(test_foreign),
        WITH(test_cache_in_a_project),
        BARE(test_symlink_and_file),
        WITH(test_bad_names),
        WITH(test_unreadable),
        BARE(test_deep_nesting),
        BARE(test_deep_nesting_with_few_descriptors),
    };
    return cmocka_run_group_tests_name("cache_damage", tests, NULL, NULL);
}
