/* Verify, repair, restore and dedupe, on caches whose blobs are what their
 * names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/dedupe.h"
#include "core/cache/hash.h"
#include "core/cache/restore.h"
#include "core/cache/scan.h"
#include "core/cache/verify.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG_TYPE "application/vnd.buildkit.cacheconfig.v0"
#define HEX DIGEST_HEX_SIZE

struct place {
    char *root;
    int root_fd;
};

static int set_up(void **state)
{
    struct place *place = mem_zalloc(sizeof *place);
    place->root = tempdir_new();
    assert_int_equal(0, fs_open_root(place->root, &place->root_fd, NULL));
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    close(place->root_fd);
    tempdir_free(place->root);
    free(place);
    return 0;
}

/* ------------------------------------------------------- caches to measure */

static void set_age(const char *dir, const char *name, int64_t age_s)
{
    char *path = path_join(dir, name);
    const struct timespec when = {.tv_sec = time(NULL) - age_s}, times[2] = {when, when};
    assert_int_equal(0, utimensat(AT_FDCWD, path, times, 0));
    free(path);
}

static char *blob_path(const char hex[HEX])
{
    return mem_printf("blobs/sha256/%s", hex);
}

/* Writes text under its true digest. */
static void put_blob(const char *dir, const char *text, int64_t age_s, char ret_hex[HEX])
{
    struct digest digest;
    int fd;
    file_write_text(dir, "new", text);
    assert_int_equal(0, fs_open_root(dir, &fd, NULL));
    assert_int_equal(0, hash_file(fd, "new", NULL, NULL, &digest, NULL));
    char *name = blob_path(digest_hex(ret_hex, &digest));
    char *from = path_join(dir, "new"), *to = path_join(dir, name);
    assert_int_equal(0, rename(from, to));
    assert_int_equal(0, chmod(to, 0444));
    set_age(dir, name, age_s);
    close(fd);
    free(name);
    free(from);
    free(to);
}

/* A manifest of these layers with a config of its own. */
static void put_generation(const char *dir, const char *const *layers, int64_t age_s,
                           char ret_hex[HEX])
{
    struct buf manifest = {0};
    char hex[HEX];
    char *config = mem_printf("{\"layers\":[],\"made\":%lld}", (long long)age_s);
    put_blob(dir, config, age_s, hex);
    buf_printf(&manifest,
               "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\",\"config\":{\"mediaType\":"
               "\"" CONFIG_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[",
               hex, strlen(config));
    for (size_t i = 0; layers[i] != NULL; i++) {
        put_blob(dir, layers[i], age_s, hex);
        buf_printf(&manifest,
                   "%s{\"mediaType\":\"" LAYER_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%zu}",
                   i > 0 ? "," : "", hex, strlen(layers[i]));
    }
    buf_append_str(&manifest, "]}");
    put_blob(dir, manifest.data, age_s, ret_hex);
    buf_done(&manifest);
    free(config);
}

static void put_index(const char *dir, const char *const tags[][2], int64_t age_s)
{
    struct buf index = {0};
    buf_append_str(&index, "{\"schemaVersion\":2,\"manifests\":[");
    for (size_t i = 0; tags[i][0] != NULL; i++) {
        char *name = blob_path(tags[i][1]), *path = path_join(dir, name);
        struct stat stat_;
        assert_int_equal(0, stat(path, &stat_));
        buf_printf(&index,
                   "%s{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%ld,"
                   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
                   i > 0 ? "," : "", tags[i][1], (long)stat_.st_size, tags[i][0]);
        free(name);
        free(path);
    }
    buf_append_str(&index, "]}");
    file_write_text(dir, "index.json", index.data);
    set_age(dir, "index.json", age_s);
    buf_done(&index);
}

/* "old" (two hours) with base+first, live (one hour) with base+second. */
struct pair {
    char *dir;
    char old[HEX], live[HEX], second[HEX];
};

static struct pair put_pair(struct place *place, const char *name)
{
    static const char *const first[] = {"base layer", "first layer", NULL};
    static const char *const second[] = {"base layer", "second layer", NULL};
    struct pair pair;
    dir_make(place->root, name);
    pair.dir = path_join(place->root, name);
    dir_make(pair.dir, "blobs");
    dir_make(pair.dir, "blobs/sha256");
    file_write_text(pair.dir, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    put_generation(pair.dir, first, 7200, pair.old);
    put_generation(pair.dir, second, 3700, pair.live);
    put_blob(pair.dir, "second layer", 3700, pair.second);
    put_index(pair.dir, (const char *const[][2]){{"latest", pair.live}, {NULL, NULL}}, 3600);
    return pair;
}

static void overwrite(const struct pair *pair, const char hex[HEX], const char *text)
{
    char *name = blob_path(hex), *path = path_join(pair->dir, name);
    assert_int_equal(0, chmod(path, 0644));
    file_write_text(pair->dir, name, text);
    set_age(pair->dir, name, 3700);
    free(name);
    free(path);
}

static void take_away(const struct pair *pair, const char hex[HEX])
{
    char *name = blob_path(hex), *path = path_join(pair->dir, name);
    assert_int_equal(0, unlink(path));
    free(name);
    free(path);
}

static bool has_blob(const struct pair *pair, const char hex[HEX])
{
    char *name = blob_path(hex);
    bool found = file_exists(pair->dir, name);
    free(name);
    return found;
}

static struct verify_result verify(struct place *place, const char *name)
{
    struct verify_result result;
    const struct verify_spec spec = {.root_fd = place->root_fd, .root_path = place->root,
                                     .name = name};
    assert_int_equal(0, verify_cache(&spec, &result, NULL));
    return result;
}

static bool is_ok(struct place *place, const char *name)
{
    struct verify_result result = verify(place, name);
    bool ok = result.ok;
    verify_done(&result);
    return ok;
}

static struct remove_context context_of(struct place *place, const char *name)
{
    static const pid_t nobody[] = {0};
    struct fs_stat stat;
    assert_int_equal(0, fs_stat_at(place->root_fd, name, &stat, NULL));
    return (struct remove_context){.root_fd = place->root_fd, .root_path = place->root,
                                   .name = name, .dev = stat.dev, .ino = stat.ino,
                                   .own_sessions = nobody, .settle_ms = 1};
}

static bool index_names(const struct pair *pair, const char hex[HEX])
{
    char *text = file_read(pair->dir, "index.json", NULL);
    bool named = strstr(text, hex) != NULL;
    free(text);
    return named;
}

/* ------------------------------------------------------------------ verify */

static void a_whole_cache_verifies(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    struct verify_result result = verify(place, "api");
    assert_true(result.ok && result.hashed);
    int64_t expected = 0;
    for (size_t i = 0; i < result.cache->blobs_len; i++)
        if (result.cache->blobs[i].class == BLOB_LIVE)
            expected += result.cache->blobs[i].size_bytes;
    assert_true(expected > 0 && result.checked_bytes == expected);
    verify_done(&result);
    free(pair.dir);
}

static void each_damage_is_named(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *name;
        enum { TAKE_AWAY, SHORTEN, FLIP, SPOIL_INDEX } damage;
        enum problem_kind kind;
    } rows[] = {
        {"gone", TAKE_AWAY, PROBLEM_MISSING},
        {"short", SHORTEN, PROBLEM_SIZE},
        {"flipped", FLIP, PROBLEM_DIGEST},
        {"index", SPOIL_INDEX, PROBLEM_INDEX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair pair = put_pair(place, rows[i].name);
        if (rows[i].damage == TAKE_AWAY)
            take_away(&pair, pair.second);
        else if (rows[i].damage == SPOIL_INDEX)
            file_write_text(pair.dir, "index.json", "{\"schemaVersion\":2,\"manif");
        else
            overwrite(&pair, pair.second, rows[i].damage == FLIP ? "SECOND LAYER" : "second");
        struct verify_result result = verify(place, rows[i].name);
        assert_false(result.ok);
        bool found = false;
        for (size_t j = 0; j < result.problems_len; j++)
            found |= result.problems[j].kind == rows[i].kind;
        assert_true(found);
        verify_done(&result);
        free(pair.dir);
    }
}

static void what_is_no_cache_is_a_problem(void **state)
{
    struct place *place = *state;
    dir_make(place->root, "photos");
    file_write_text(place->root, "photos/cat.jpg", "miaow");
    assert_false(is_ok(place, "photos"));
    assert_false(is_ok(place, "nowhere"));
}

/* ------------------------------------------------------------------ repair */

static enum repair_act repair(struct place *place, const char *name)
{
    struct verify_result result = verify(place, name);
    const struct remove_context context = context_of(place, name);
    enum repair_act act;
    char *detail;
    struct err err;
    int code = repair_cache(&context, &result, &act, &detail, &err);
    if (code < 0)
        print_message("%s\n", err.text);
    assert_int_equal(0, code);
    assert_true(detail[0] != '\0');
    free(detail);
    verify_done(&result);
    return act;
}

static void a_repair_goes_back_to_what_is_whole(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    overwrite(&pair, pair.second, "SECOND LAYER");
    assert_int_equal(REPAIR_RESTORED, repair(place, "api"));
    assert_true(index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    assert_false(has_blob(&pair, pair.second)); /* an exporter would take it for good */
    assert_true(is_ok(place, "api"));
    assert_int_equal(REPAIR_NOTHING, repair(place, "api"));
    free(pair.dir);
}

static void a_repair_keeps_the_tags_that_are_whole(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    put_index(pair.dir,
              (const char *const[][2]){{"v1", pair.old}, {"latest", pair.live}, {NULL, NULL}}, 3600);
    take_away(&pair, pair.second);
    assert_int_equal(REPAIR_TRIMMED, repair(place, "api"));
    assert_true(index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    assert_true(is_ok(place, "api"));
    free(pair.dir);
}

static void a_spoilt_index_is_written_anew(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    file_write_text(pair.dir, "index.json", "{\"schemaVersion\":2,\"manif");
    set_age(pair.dir, "index.json", 3600);
    assert_int_equal(REPAIR_RESTORED, repair(place, "api"));
    assert_true(is_ok(place, "api"));
    free(pair.dir);
}

static void a_cache_with_nothing_whole_goes(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char base[HEX];
    put_blob(pair.dir, "base layer", 7200, base);
    take_away(&pair, base);
    assert_int_equal(REPAIR_REMOVED, repair(place, "api"));
    assert_false(file_exists(place->root, "api"));
    free(pair.dir);
}

/* ----------------------------------------------------------------- restore */

static int restore(struct place *place, const char *name, const char hex[HEX], struct err *err)
{
    const struct remove_context context = context_of(place, name);
    struct digest digest;
    assert_true(digest_parse_hex(hex, &digest));
    return restore_generation(&context, &digest, NULL, err);
}

static void a_restore_names_the_earlier_generation(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char *path = path_join(pair.dir, "index.json");
    struct stat before, after;
    assert_int_equal(0, chmod(path, 0640));
    assert_int_equal(0, stat(path, &before));
    struct cache *cache = scan_cache(place->root_fd, place->root, "api", NULL);
    uint32_t chosen = restore_choose(cache);
    char hex[HEX];
    assert_string_equal(pair.old, digest_hex(hex, &cache->generations[chosen].manifest));
    cache_free(cache);
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    assert_true(index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    assert_true(is_ok(place, "api"));
    assert_int_equal(0, stat(path, &after));
    assert_int_equal(before.st_mode, after.st_mode);
    assert_false(file_exists(pair.dir, "index.json.lock"));
    free(path);
    free(pair.dir);
}

static void a_restore_leaves_other_tags_alone(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    static const char *const third[] = {"third layer", NULL};
    char other[HEX];
    put_generation(pair.dir, third, 3800, other);
    put_index(pair.dir,
              (const char *const[][2]){{"v1", other}, {"latest", pair.live}, {NULL, NULL}}, 3600);
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    assert_true(index_names(&pair, other) && index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    free(pair.dir);
}

static void a_restore_refuses_what_would_fail_a_build(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char first[HEX];
    struct err err;
    put_blob(pair.dir, "first layer", 7200, first);
    assert_int_equal(ERR_USAGE, restore(place, "api", first, &err));
    overwrite(&pair, first, "FIRST LAYER");
    assert_int_equal(ERR_FORMAT, restore(place, "api", pair.old, &err));
    take_away(&pair, first);
    assert_int_equal(ERR_FORMAT, restore(place, "api", pair.old, &err));
    assert_true(index_names(&pair, pair.live));
    dir_make(pair.dir, "ingest");
    dir_make(pair.dir, "ingest/writing");
    file_write_text(pair.dir, "ingest/writing/data", "half");
    assert_int_equal(ERR_BUSY, restore(place, "api", pair.live, &err));
    struct remove_context context = context_of(place, "api");
    struct digest digest;
    assert_true(digest_parse_hex(pair.live, &digest));
    context.ino++;
    assert_int_equal(ERR_CHANGED, restore_generation(&context, &digest, NULL, &err));
    free(pair.dir);
}

/* ------------------------------------------------------------------ dedupe */

static int link_item(struct place *place, const struct dedupe_item *item,
                     const char *const *names, struct err *err)
{
    const struct dedupe_place from = {place->root_fd, names[item->from]};
    const struct dedupe_place to = {place->root_fd, names[item->to]};
    return dedupe_link(item, &from, &to, false, false, NULL, err);
}

static void copies_become_one_file(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"a", "b", "c"};
    struct cache *caches[3];
    struct dedupe_plan plan;
    for (size_t i = 0; i < 3; i++) {
        struct pair pair = put_pair(place, names[i]);
        free(pair.dir);
        caches[i] = scan_cache(place->root_fd, place->root, names[i], NULL);
        assert_int_equal(CACHE_OK, caches[i]->state);
    }
    dedupe_make((const struct cache *const *)caches, 3, &plan);
    assert_int_equal(2 * caches[0]->blobs_len, plan.len);
    assert_true(plan.frees_bytes > 0 && plan.frees_bytes == plan.duplicated_bytes);
    assert_true(plan.linked_bytes == 0);
    for (size_t i = 0; i < plan.len; i++)
        assert_int_equal(0, link_item(place, &plan.items[i], names, NULL));
    int64_t planned = plan.frees_bytes;
    dedupe_done(&plan);
    for (size_t i = 0; i < 3; i++) {
        cache_free(caches[i]);
        caches[i] = scan_cache(place->root_fd, place->root, names[i], NULL);
        assert_true(caches[i]->shared_bytes > 0);
        assert_int_equal(0, caches[i]->leftovers_len);
        assert_true(is_ok(place, names[i]));
    }
    dedupe_make((const struct cache *const *)caches, 3, &plan);
    assert_int_equal(0, plan.len);
    assert_true(plan.linked_bytes == planned);
    dedupe_done(&plan);

    /* One goes, the others stay whole. */
    const struct remove_context context = context_of(place, "a");
    int64_t freed;
    assert_int_equal(0, remove_service(&context, &freed, NULL));
    assert_true(is_ok(place, "b") && is_ok(place, "c"));
    for (size_t i = 0; i < 3; i++)
        cache_free(caches[i]);
}

static void damaged_and_changed_copies_are_left_alone(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"a", "b"};
    struct pair a = put_pair(place, "a"), b = put_pair(place, "b");
    struct dedupe_plan plan;
    struct err err;
    overwrite(&a, a.second, "SECOND LAYER");
    overwrite(&b, b.second, "SECOND LAYER");
    struct cache *caches[] = {scan_cache(place->root_fd, place->root, "a", NULL),
                              scan_cache(place->root_fd, place->root, "b", NULL)};
    dedupe_make((const struct cache *const *)caches, 2, &plan);
    struct digest damaged;
    assert_true(digest_parse_hex(a.second, &damaged));
    for (size_t i = 0; i < plan.len; i++) {
        struct dedupe_item item = plan.items[i];
        bool bad = digest_equal(&item.digest, &damaged);
        item.to_ino++;
        assert_int_equal(ERR_CHANGED, link_item(place, &item, names, &err));
        assert_int_equal(bad ? ERR_FORMAT : 0, link_item(place, &plan.items[i], names, &err));
    }
    dedupe_done(&plan);
    cache_free(caches[0]);
    cache_free(caches[1]);
    free(a.dir);
    free(b.dir);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_whole_cache_verifies),
        CASE(each_damage_is_named),
        CASE(what_is_no_cache_is_a_problem),
        CASE(a_repair_goes_back_to_what_is_whole),
        CASE(a_repair_keeps_the_tags_that_are_whole),
        CASE(a_spoilt_index_is_written_anew),
        CASE(a_cache_with_nothing_whole_goes),
        CASE(a_restore_names_the_earlier_generation),
        CASE(a_restore_leaves_other_tags_alone),
        CASE(a_restore_refuses_what_would_fail_a_build),
        CASE(copies_become_one_file),
        CASE(damaged_and_changed_copies_are_left_alone),
    };
    limit_program(60);
    if (!hash_available()) {
        puts("1..0 # SKIP built without libcrypto");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
