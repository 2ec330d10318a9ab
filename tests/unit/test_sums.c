/* The numbers add up: live + older + orphans + ingest + other is the size on
 * disk, to the byte, for every recorded cache and after every operation; and
 * what several caches take together counts hard links once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cache/dedupe.h"
#include "core/cache/remove.h"
#include "core/cache/restore.h"
#include "core/cache/verify.h"
#include "core/store/store.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"
#include "tests/unit/cache_kit.h"

static const char *const recorded[] = {"first-build", "five-rebuilds", "image-manifest"};

static void add_recorded(struct kit *kit, const char *name, const char *as)
{
    char *below = mem_printf("screen/caches/%s", name);
    char *from = path_join(getenv("BILGE_TEST_DATA"), below);
    tree_copy(from, kit->root, as);
    tree_make_older(kit->root, as, 7200); /* not busy */
    free(from);
    free(below);
}

static int set_up(void **state)
{
    struct kit *kit = mem_zalloc(sizeof *kit);
    kit_new(kit, true);
    for (size_t i = 0; i < LEN(recorded); i++)
        add_recorded(kit, recorded[i], recorded[i]);
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    kit_free(*state);
    free(*state);
    return 0;
}

/* kit_check() of one of the caches. */
static struct cache *check(struct kit *kit, const char *name)
{
    free(kit->dir);
    kit->name = name;
    kit->dir = path_join(kit->root, name);
    return kit_check(kit);
}

static struct remove_context context_of(const struct kit *kit, const struct cache *cache)
{
    return (struct remove_context){
        .root_fd = kit->root_fd,
        .root_path = kit->root,
        .name = cache->name,
        .dev = cache->dev,
        .ino = cache->ino,
        .now = true, /* whoever builds on this machine is no affair of the test */
    };
}

static void remove_garbage(const struct kit *kit, const struct cache *cache)
{
    const struct remove_context context = context_of(kit, cache);
    struct remove_item *items = mem_zalloc((cache->blobs_len + 1) * sizeof *items);
    struct err err = {0};
    size_t len = 0;
    int64_t freed = 0;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (cache->blobs[i].class != BLOB_LIVE)
            items[len++] = (struct remove_item){.kind = REMOVE_BLOB,
                                                .digest = cache->blobs[i].digest,
                                                .ino = cache->blobs[i].ino,
                                                .modified_at = cache->blobs[i].modified_at};
    assert_int_equal(0, remove_items(&context, items, len, &err));
    for (size_t i = 0; i < len; i++)
        freed += items[i].freed_bytes;
    assert_int_equal(freed, cache->older_bytes + cache->orphan_bytes);
    free(items);
}

static void test_prune(void **state)
{
    struct kit *kit = *state;
    for (size_t i = 0; i < LEN(recorded); i++) {
        struct cache *before = check(kit, recorded[i]);
        remove_garbage(kit, before);
        struct cache *after = check(kit, recorded[i]);
        assert_int_equal(after->older_bytes, 0);
        assert_int_equal(after->orphan_bytes, 0);
        assert_int_equal(after->live_bytes, before->live_bytes);
        cache_free(before);
        cache_free(after);
    }
}

static int64_t blob_bytes(const struct cache *cache)
{
    return cache->live_bytes + cache->older_bytes + cache->orphan_bytes;
}

static void test_restore(void **state)
{
    struct kit *kit = *state;
    struct cache *before = check(kit, "five-rebuilds");
    const struct remove_context context = context_of(kit, before);
    struct err err = {0};
    for (size_t i = 1; i < before->generations_len; i++) {
        const struct cache_generation *generation = &before->generations[i];
        assert_int_equal(0, restore_generation(&context, &generation->manifest, NULL, &err));
        struct cache *after = check(kit, "five-rebuilds");
        assert_int_equal(after->live_bytes, generation->reach_bytes);
        assert_int_equal(blob_bytes(after), blob_bytes(before));
        cache_free(after);
    }
    cache_free(before);
}

/* A layer that the live generation alone has. */
static void lose_a_layer(const struct kit *kit, const struct cache *cache)
{
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        char hex[DIGEST_HEX_SIZE];
        if (blob->class != BLOB_LIVE || blob->role != BLOB_LAYER || blob->generations != 1)
            continue;
        char *path = mem_printf("%s/blobs/sha256/%s", kit->dir, digest_hex(hex, &blob->digest));
        assert_int_equal(0, unlink(path));
        free(path);
        return;
    }
    fail_msg("the live generation has no layer of its own");
}

static void test_repair(void **state)
{
    struct kit *kit = *state;
    struct cache *before = check(kit, "five-rebuilds");
    const struct remove_context context = context_of(kit, before);
    const struct verify_spec spec = {
        .root_fd = kit->root_fd, .root_path = kit->root, .name = "five-rebuilds"};
    struct verify_result result;
    struct err err = {0};
    enum repair_act act;
    char *detail;
    lose_a_layer(kit, before);
    cache_free(check(kit, "five-rebuilds"));
    assert_int_equal(0, verify_cache(&spec, &result, &err));
    assert_false(result.ok);
    assert_int_equal(0, repair_cache(&context, &result, &act, &detail, &err));
    assert_int_equal(REPAIR_RESTORED, act);
    cache_free(check(kit, "five-rebuilds"));
    verify_done(&result);
    free(detail);
    cache_free(before);
}

/* -------------------------------------------------------- several together */

static int64_t du_of_all(const struct kit *kit, const char *const *names, size_t len)
{
    struct buf command = {0};
    int64_t bytes = -1;
    buf_append_str(&command, "du -B1 -c -s");
    for (size_t i = 0; i < len; i++)
        buf_printf(&command, " '%s/%s'", kit->root, names[i]);
    buf_append_str(&command, " | tail -n 1");
    FILE *pipe = popen(command.data, "r");
    assert_non_null(pipe);
    assert_int_equal(1, fscanf(pipe, "%" SCNd64, &bytes));
    assert_int_equal(0, pclose(pipe));
    buf_done(&command);
    return bytes;
}

static void check_all(struct kit *kit, const char *const *names, size_t len)
{
    struct store *store = store_new();
    for (size_t i = 0; i < len; i++) {
        struct cache *cache = check(kit, names[i]);
        char *id = mem_strdup(cache->path);
        store_set_cache(store, id, cache);
        free(id);
    }
    assert_int_equal(store_caches_size(store), du_of_all(kit, names, len));
    store_free(store);
}

static void link_all(struct kit *kit, const char *const *names, size_t len)
{
    struct cache **caches = mem_alloc(len * sizeof *caches);
    int64_t before = du_of_all(kit, names, len);
    struct dedupe_plan plan;
    struct err err = {0};
    for (size_t i = 0; i < len; i++)
        caches[i] = check(kit, names[i]);
    dedupe_make((const struct cache *const *)caches, len, &plan);
    assert_true(plan.len > 0);
    for (size_t i = 0; i < plan.len; i++) {
        const struct dedupe_place from = {kit->root_fd, names[plan.items[i].from]};
        const struct dedupe_place to = {kit->root_fd, names[plan.items[i].to]};
        assert_int_equal(0, dedupe_link(&plan.items[i], &from, &to, false, false, NULL, &err));
    }
    assert_int_equal(before - du_of_all(kit, names, len), plan.frees_bytes);
    dedupe_done(&plan);
    for (size_t i = 0; i < len; i++)
        cache_free(caches[i]);
    free(caches);
}

static void test_dedupe(void **state)
{
    static const char *const names[] = {"first-build", "five-rebuilds", "image-manifest", "copy"};
    struct kit *kit = *state;
    struct err err = {0};
    int64_t freed = 0;
    add_recorded(kit, "five-rebuilds", "copy");
    check_all(kit, names, LEN(names));
    link_all(kit, names, LEN(names));
    check_all(kit, names, LEN(names));

    struct cache *one = check(kit, "five-rebuilds"), *other = check(kit, "copy");
    struct dedupe_common common = dedupe_compare(one, other);
    assert_int_equal(common.blobs, one->blobs_len);
    assert_int_equal(common.linked_bytes, common.bytes);
    /* One goes: the others stay whole, and the sums true. */
    const struct remove_context context = context_of(kit, other);
    assert_int_equal(0, remove_service(&context, &freed, &err));
    assert_int_equal(freed, other->size_bytes - other->shared_bytes);
    check_all(kit, names, LEN(names) - 1);
    cache_free(one);
    cache_free(other);
}

#define SUMS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {SUMS(test_prune), SUMS(test_restore), SUMS(test_repair),
                                       SUMS(test_dedupe)};
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
