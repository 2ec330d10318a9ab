/* Which layouts are build caches, and that no other one is ever touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/path.h"
#include "core/cache/dedupe.h"
#include "core/cache/remove.h"
#include "core/cache/restore.h"
#include "core/base/lane.h"
#include "core/cache/root.h"
#include "core/cache/scan.h"
#include "core/cache/verify.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/place_kit.h"

/* ---- layouts */

static void remove_file(struct kit *kit, const char *path)
{
    char *whole = path_join(kit->dir, path);
    assert_int_equal(0, unlink(whole));
    free(whole);
}

static void write_index(struct kit *kit, const char *text)
{
    kit_write(kit, "index.json", text, strlen(text));
}

static void one_cache(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
}

static void one_image(struct kit *kit)
{
    kit_image(kit, 200, 201, 11, 3);
    kit_index(kit, (unsigned[]){200}, 1);
}

static void image_behind_an_index(struct kit *kit)
{
    kit_image(kit, 200, 201, 11, 3);
    kit_manifest(kit, 210, (struct kit_entry[]){{200, KIT_MANIFEST}}, 1);
    kit_index(kit, (unsigned[]){210}, 1);
}

static void image_behind_a_docker_list(struct kit *kit)
{
    kit_image(kit, 200, 201, 11, 3);
    kit_manifest(kit, 210, (struct kit_entry[]){{200, KIT_DOCKER_MANIFEST}}, 1);
    kit_manifest(kit, 220, (struct kit_entry[]){{210, KIT_LIST}}, 1);
    kit_index(kit, (unsigned[]){220}, 1);
}

static void image_of_an_unknown_type(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_image(kit, 200, 201, 11, 3);
    kit_manifest(kit, 210, (struct kit_entry[]){{100, KIT_INDEX}, {200, "a/b"}}, 2);
    kit_index(kit, (unsigned[]){210}, 1);
}

static void cache_and_image_by_tag(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_image(kit, 200, 201, 11, 3);
    kit_index(kit, (unsigned[]){100, 200}, 2);
}

static void cache_and_image_in_one_index(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_image(kit, 200, 201, 11, 3);
    kit_manifest(kit, 210, (struct kit_entry[]){{100, KIT_INDEX}, {200, KIT_MANIFEST}}, 2);
    kit_index(kit, (unsigned[]){210}, 1);
}

static void cache_and_an_old_image(struct kit *kit)
{
    kit_image(kit, 200, 201, 11, 3);
    one_cache(kit);
}

static void old_cache_and_an_image(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    one_image(kit);
}

static void cache_behind_two_indexes(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_manifest(kit, 110, (struct kit_entry[]){{100, KIT_LIST}}, 1);
    kit_manifest(kit, 120, (struct kit_entry[]){{110, KIT_INDEX}}, 1);
    kit_index(kit, (unsigned[]){120}, 1);
}

static void cache_of_which_a_part_is_gone(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_manifest(kit, 110, (struct kit_entry[]){{100, KIT_INDEX}, {77, KIT_INDEX}}, 2);
    kit_index(kit, (unsigned[]){110}, 1);
}

static void config_among_the_layers(struct kit *kit)
{
    char *text =
        mem_printf("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" KIT_IMAGE_CONFIG
                   "\",\"digest\":\"%s\",\"size\":7},\"layers\":[{\"mediaType\":\"" KIT_CONFIG
                   "\",\"digest\":\"%s\",\"size\":7}]}",
                   kit_digest(1), kit_digest(2));
    kit_blob(kit, 1, "{\"a\":1}");
    kit_blob(kit, 2, "{\"b\":2}");
    kit_blob(kit, 100, text);
    kit_index(kit, (unsigned[]){100}, 1);
    free(text);
}

static void config_named_by_the_index(struct kit *kit)
{
    char *text = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" KIT_CONFIG
                            "\",\"digest\":\"%s\",\"size\":7}]}",
                            kit_digest(1));
    kit_blob(kit, 1, "{\"a\":1}");
    write_index(kit, text);
    free(text);
}

static void no_manifest_named(struct kit *kit)
{
    write_index(kit, "{\"schemaVersion\":2,\"manifests\":[]}");
}

static void blobs_without_a_manifest(struct kit *kit)
{
    for (unsigned i = 1; i < 4; i++)
        kit_layer(kit, i, 900);
}

static void first_export_interrupted(struct kit *kit)
{
    remove_file(kit, "oci-layout");
    blobs_without_a_manifest(kit);
    place_ingest(kit, "half", 5000);
}

static void first_export_under_way(struct kit *kit)
{
    remove_file(kit, "oci-layout");
    blobs_without_a_manifest(kit);
    place_ingest(kit, "half", 5);
}

static void only_ingest(struct kit *kit)
{
    remove_file(kit, "oci-layout");
    place_ingest(kit, "half", 5000);
}

static void cache_without_index(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
}

static void image_without_index(struct kit *kit)
{
    kit_image(kit, 200, 201, 11, 3);
}

static void cache_with_a_cut_index(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    write_index(kit, "{\"schemaVersion\":2,\"manifests\":[{\"medi");
}

static void cache_with_an_empty_index(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    write_index(kit, "");
}

static void cache_with_a_mark_before_its_index(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    write_index(kit, "\xef\xbb\xbf{\"schemaVersion\":2,\"manifests\":[]}");
}

static void image_with_a_cut_index(struct kit *kit)
{
    kit_image(kit, 200, 201, 11, 3);
    write_index(kit, "{\"schemaVersion\":2,\"manifests\":[{\"medi");
}

static void image_that_another_case_names(struct kit *kit)
{
    one_cache(kit);
    kit_image(kit, 200, 201, 11, 3);
    char *text = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\"}],"
                            "\"Manifests\":[{\"digest\":\"%s\"}]}",
                            kit_digest(100), kit_digest(200));
    write_index(kit, text);
    free(text);
}

static void cache_that_another_case_names(struct kit *kit)
{
    one_cache(kit);
    kit_generation(kit, 110, 111, 11, 3);
    char *text = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\"}],"
                            "\"Manifests\":[{\"digest\":\"%s\"}]}",
                            kit_digest(100), kit_digest(110));
    write_index(kit, text);
    free(text);
}

static void cut_index_and_nothing_that_tells(struct kit *kit)
{
    blobs_without_a_manifest(kit);
    write_index(kit, "{\"schemaVersion\":2,\"manifests\":[{\"medi");
}

static void manifest_gone(struct kit *kit)
{
    one_cache(kit);
    remove_file(kit, kit_blob_path(100));
}

static void manifest_damaged(struct kit *kit)
{
    one_cache(kit);
    kit_layer(kit, 100, 300);
}

static void web_project(struct kit *kit)
{
    remove_file(kit, "oci-layout");
    rmdir(strcat(strcpy((char[1000]){0}, kit->dir), "/blobs/sha256"));
    write_index(kit, "{\"name\":\"map\",\"layers\":[],\"sources\":{}}");
    kit_write(kit, "blobs/one.bin", "x", 1);
}

static void layout_file_alone(struct kit *kit)
{
    (void)kit;
}

#define YES true
#define NO false
static const struct {
    const char *name;
    void (*make)(struct kit *kit);
    enum cache_state state;
    bool touchable; /* bilge may act on it, if asked to */
} layouts[] = {
    {"one cache", one_cache, CACHE_OK, YES},
    {"one image", one_image, CACHE_FOREIGN, NO},
    {"image behind an index", image_behind_an_index, CACHE_FOREIGN, NO},
    {"image behind a docker list", image_behind_a_docker_list, CACHE_FOREIGN, NO},
    {"image of an unknown type", image_of_an_unknown_type, CACHE_FOREIGN, NO},
    {"cache and image by tag", cache_and_image_by_tag, CACHE_FOREIGN, NO},
    {"cache and image in one index", cache_and_image_in_one_index, CACHE_FOREIGN, NO},
    {"cache and an old image", cache_and_an_old_image, CACHE_FOREIGN, NO},
    {"old cache and an image", old_cache_and_an_image, CACHE_FOREIGN, NO},
    {"cache behind two indexes", cache_behind_two_indexes, CACHE_OK, YES},
    {"cache of which a part is gone", cache_of_which_a_part_is_gone, CACHE_BROKEN, NO},
    {"config among the layers", config_among_the_layers, CACHE_FOREIGN, NO},
    {"config named by the index", config_named_by_the_index, CACHE_BROKEN, NO},
    {"no manifest named", no_manifest_named, CACHE_FOREIGN, NO},
    {"blobs without a manifest", blobs_without_a_manifest, CACHE_FOREIGN, NO},
    {"first export interrupted", first_export_interrupted, CACHE_FOREIGN, NO},
    {"first export under way", first_export_under_way, CACHE_BUSY, NO},
    {"only ingest", only_ingest, CACHE_FOREIGN, NO},
    {"cache without index", cache_without_index, CACHE_BROKEN, YES},
    {"image without index", image_without_index, CACHE_FOREIGN, NO},
    {"cache with a cut index", cache_with_a_cut_index, CACHE_BROKEN, YES},
    {"cache with an empty index", cache_with_an_empty_index, CACHE_BROKEN, YES},
    {"cache with a mark before its index", cache_with_a_mark_before_its_index, CACHE_BROKEN, YES},
    {"image with a cut index", image_with_a_cut_index, CACHE_FOREIGN, NO},
    {"image that another case names", image_that_another_case_names, CACHE_FOREIGN, NO},
    {"cache that another case names", cache_that_another_case_names, CACHE_BROKEN, YES},
    {"cut index and nothing that tells", cut_index_and_nothing_that_tells, CACHE_BROKEN, NO},
    {"manifest gone", manifest_gone, CACHE_BROKEN, NO},
    {"manifest damaged", manifest_damaged, CACHE_BROKEN, NO},
    {"web project", web_project, CACHE_FOREIGN, NO},
    {"layout file alone", layout_file_alone, CACHE_FOREIGN, NO},
};

/* ---- */

static void each_layout_is_what_it_is(void **state)
{
    for (size_t i = 0; i < LEN(layouts); i++) {
        struct kit *kit = *state;
        kit_free(kit);
        kit_new(kit, false);
        layouts[i].make(kit);
        struct cache *cache = kit_check(kit);
        const char *why_not = cache_untouchable(cache);
        if (cache->state != layouts[i].state || (why_not == NULL) != layouts[i].touchable)
            fail_msg("%s is %s: %s", layouts[i].name, cache_state_name(cache->state),
                     why_not != NULL ? why_not : "touchable");
        if (why_not != NULL)
            assert_int_equal(0, cache_garbage_bytes(cache));
        if (cache->state == CACHE_FOREIGN) {
            assert_int_equal(cache->size_bytes, cache->other_bytes);
            assert_int_equal(0, cache->blobs_len + cache->generations_len + cache->leftovers_len);
            assert_int_equal(0, cache->last_export_at);
        }
        struct cache *again = kit_scan(kit, cache);
        assert_int_equal(cache->state, again->state);
        assert_int_equal(cache->size_bytes, again->size_bytes);
        cache_free(again);
        cache_free(cache);
    }
}

static int count_files(const struct kit *kit)
{
    int count = -1;
    char *command = mem_printf("find '%s' | wc -l", kit->root);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(1, fscanf(pipe, "%d", &count));
    assert_int_equal(0, pclose(pipe));
    free(command);
    return count;
}

static struct verify_result verify(const struct kit *kit)
{
    struct verify_result result;
    const struct verify_spec spec = {
        .root_fd = kit->root_fd, .root_path = kit->root, .name = kit->name};
    assert_int_equal(0, verify_cache(&spec, &result, NULL));
    return result;
}

static void refuse_to_restore(const struct remove_context *context)
{
    struct err err = {0};
    for (unsigned seed = 100; seed < 230; seed += 10) {
        struct digest manifest = kit_digest_value(seed);
        assert_int_not_equal(0, restore_generation(context, &manifest, NULL, &err));
    }
}

static void refuse_to_remove_parts(const struct kit *kit, const struct remove_context *context)
{
    struct remove_item items[250];
    struct err err = {0};
    size_t len = 0;
    for (unsigned seed = 0; seed < LEN(items); seed++) {
        char *path = path_join(kit->dir, kit_blob_path(seed));
        struct fs_stat stat;
        int fd = -1;
        char *parent = path_parent(path);
        if (fs_open_root(parent, &fd, NULL) == 0 &&
            fs_stat_at(fd, path_name(path), &stat, NULL) == 0)
            items[len++] = (struct remove_item){.kind = REMOVE_BLOB,
                                                .digest = kit_digest_value(seed),
                                                .ino = stat.ino,
                                                .modified_at = stat.modified_at};
        if (fd >= 0)
            close(fd);
        free(parent);
        free(path);
    }
    if (len > 0)
        remove_items(context, items, len, &err);
}

/* Whoever asks, and whatever a plan said that was made before it became what it is. */
static void nothing_but_a_cache_is_ever_changed(void **state)
{
    for (size_t i = 0; i < LEN(layouts); i++) {
        struct kit *kit = *state;
        int64_t freed = 0;
        char *detail;
        enum repair_act act;
        struct err err = {0};
        /* An old image beside a cache is met by the scan that a plan is made of; what
         * removes the whole looks at what index.json names, and no further. */
        if (layouts[i].touchable || layouts[i].make == cache_and_an_old_image)
            continue;
        kit_free(kit);
        kit_new(kit, false);
        layouts[i].make(kit);
        struct cache *cache = kit_scan(kit, NULL);
        const struct remove_context context = {.root_fd = kit->root_fd,
                                               .root_path = kit->root,
                                               .name = kit->name,
                                               .dev = cache->dev,
                                               .ino = cache->ino,
                                               .now = true,
                                               .settle_ms = 1};
        int files = count_files(kit);
        struct verify_result result = verify(kit);
        assert_false(result.ok);
        if (repair_cache(&context, &result, &act, &detail, &err) == 0)
            fail_msg("%s: repaired: %s", layouts[i].name, detail);
        verify_done(&result);
        refuse_to_restore(&context);
        if (remove_service(&context, &freed, &err) == 0)
            fail_msg("%s: removed", layouts[i].name);
        assert_int_equal(files, count_files(kit));
        refuse_to_remove_parts(kit, &context);
        assert_int_equal(files, count_files(kit));
        cache_free(cache);
    }
}

static void only_caches_are_linked_with_each_other(void **state)
{
    struct kit *kit = *state;
    const char *const names[] = {"one", "two"};
    struct cache *caches[2];
    struct dedupe_plan plan;
    for (int i = 0; i < 2; i++) {
        kit->name = names[i];
        free(kit->dir);
        kit->dir = path_join(kit->root, kit->name);
        one_image(kit);
        caches[i] = kit_scan(kit, NULL);
        kit_assert_state(CACHE_FOREIGN, caches[i]);
    }
    dedupe_make((const struct cache *const *)caches, 2, &plan);
    assert_int_equal(0, plan.len);
    dedupe_done(&plan);
    cache_free(caches[0]);
    cache_free(caches[1]);
}

/* Several manifests of one image index, and what buildx adds beside them. */
static void an_image_of_several_platforms_is_foreign(void **state)
{
    struct kit *kit = *state;
    kit_image(kit, 200, 201, 11, 3);
    kit_image(kit, 202, 203, 14, 3);
    kit_image(kit, 204, 205, 17, 1); /* its attestation */
    kit_manifest(
        kit, 210,
        (struct kit_entry[]){{200, KIT_MANIFEST}, {202, KIT_MANIFEST}, {204, KIT_MANIFEST}}, 3);
    kit_index(kit, (unsigned[]){210}, 1);
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_FOREIGN, cache);
    assert_non_null(strstr(cache->error, "no build cache"));
    cache_free(cache);
}

/* ---- a cache inside a cache */

struct seen {
    char names[8][64];
    size_t len;
    bool done;
};

static void on_cache(void *arg, struct cache *cache)
{
    struct seen *seen = arg;
    assert_true(seen->len < LEN(seen->names));
    snprintf(seen->names[seen->len++], sizeof seen->names[0], "%s", cache->name);
    cache_free(cache);
}

static void on_root(void *arg, const struct err *err)
{
    (void)arg;
    assert_null(err);
}

static void on_done(void *arg)
{
    ((struct seen *)arg)->done = true;
}

static void on_turn(void *arg, bool busy)
{
    if (!busy)
        lane_close(*(struct lane **)arg);
}

static struct seen scan_root(const char *path, const char *only)
{
    static const struct scan_ops ops = {on_cache, on_root, on_done};
    struct seen seen = {.len = 0};
    struct root_found found;
    struct lane *lane;
    uv_loop_t loop;
    assert_int_equal(0, uv_loop_init(&loop));
    assert_int_equal(0, root_find(path, geteuid(), &found));
    lane = lane_new(&loop, on_turn, &lane);
    scan_start(
        &(struct scan_spec){
            .root = found.root, .lane = lane, .names = &only, .names_len = only != NULL},
        &ops, &seen);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(seen.done);
    root_found_done(&found);
    assert_int_equal(0, uv_loop_close(&loop));
    return seen;
}

static void blobs_and_ingest_of_a_layout_are_no_caches(void **state)
{
    struct kit *kit = *state;
    one_cache(kit);
    place_ingest(kit, "half", 5000);
    struct kit inner = *kit;
    inner.name = "api/sub";
    inner.dir = path_join(kit->dir, "sub");
    file_write_text(inner.dir, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    one_cache(&inner);
    for (int layout_file = 1; layout_file >= 0; layout_file--) {
        struct seen seen = scan_root(kit->dir, NULL);
        assert_int_equal(1, seen.len);
        assert_string_equal("sub", seen.names[0]);
        assert_int_equal(1, scan_root(kit->dir, "sub").len);
        assert_int_equal(0, scan_root(kit->dir, "ingest").len);
        assert_int_equal(1, scan_root(kit->root, NULL).len);
        if (layout_file)
            remove_file(kit, "oci-layout");
    }
    /* It is part of the outer one, which does not go as a whole with it. */
    struct cache *cache = kit_check(kit);
    kit_assert_state(CACHE_OK, cache);
    kit_assert_problem(cache, PROBLEM_FOREIGN, "sub is no part of a cache");
    cache_free(cache);
    free(inner.dir);
}

/* In a root that is none, they are names like any other. */
static void a_service_may_be_called_blobs(void **state)
{
    struct kit *kit = *state;
    kit->name = "blobs";
    free(kit->dir);
    kit->dir = path_join(kit->root, kit->name);
    one_cache(kit);
    struct seen seen = scan_root(kit->root, NULL);
    bool found = false;
    for (size_t i = 0; i < seen.len; i++)
        found |= strcmp(seen.names[i], "blobs") == 0;
    assert_true(found);
}

/* Blobs of another algorithm may be somebody's image: nothing here reads them. */
static void blobs_of_another_algorithm_keep_the_whole(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    int64_t freed = 0;
    one_cache(kit);
    file_write_text(kit->dir, "blobs/sha512/00", "x");
    struct cache *cache = kit_check(kit);
    const struct remove_context context = {.root_fd = kit->root_fd,
                                           .root_path = kit->root,
                                           .name = kit->name,
                                           .dev = cache->dev,
                                           .ino = cache->ino,
                                           .now = true};
    assert_int_equal(ERR_FOREIGN, remove_service(&context, &freed, &err));
    assert_non_null(strstr(err.text, "sha512"));
    cache_free(cache);
}

int main(void)
{
    limit_program(120);
#define WITH(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, kit_setup_bare, kit_teardown)
    const struct CMUnitTest tests[] = {
        WITH(each_layout_is_what_it_is),
        WITH(nothing_but_a_cache_is_ever_changed),
        BARE(only_caches_are_linked_with_each_other),
        WITH(an_image_of_several_platforms_is_foreign),
        WITH(blobs_and_ingest_of_a_layout_are_no_caches),
        BARE(a_service_may_be_called_blobs),
        WITH(blobs_of_another_algorithm_keep_the_whole),
    };
    return cmocka_run_group_tests_name("cache_kinds", tests, NULL, NULL);
}
