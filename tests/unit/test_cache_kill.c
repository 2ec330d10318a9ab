/* Killed at each step of a removal, one run for each: before and right after
 * every call that changes a directory. What is left is the cache as it was, or
 * a smaller and valid one, or none; and the next start tidies up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/cache/busy.h"
#include "core/cache/note.h"
#include "core/cache/remove.h"
#include "core/cache/unlink.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* Builds that run on this machine are none of these tests' business. */
char *busy_building_client(const pid_t *own_sessions)
{
    (void)own_sessions;
    return NULL;
}

/* ---- these stand before libc's, in the child only they count */

static atomic_int steps_left; /* 0: not counting */

static void step(void)
{
    if (atomic_load(&steps_left) > 0 && atomic_fetch_sub(&steps_left, 1) == 1)
        kill(getpid(), SIGKILL);
}

int unlinkat(int fd, const char *path, int flags)
{
    step();
    int code = (int)syscall(SYS_unlinkat, fd, path, flags);
    step();
    return code;
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    step();
    int code = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    step();
    return code;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    step();
    int code = (int)syscall(SYS_mkdirat, fd, path, mode);
    step();
    return code;
}

/* ---- */

static const unsigned garbage[] = {100, 101, 1, 110, 111, 2, 50, 51, 52};

static void make(struct kit *kit)
{
    kit_new(kit, false);
    kit_generation(kit, 100, 101, 1, 3);
    kit_generation(kit, 110, 111, 2, 3);
    kit_generation(kit, 120, 121, 3, 3);
    for (unsigned i = 50; i < 53; i++)
        kit_layer(kit, i, 9000);
    kit_write(kit, "ingest/old/data", "half a layer", 12);
    kit_set_age(kit, "ingest/old/data", 100000);
    kit_set_age(kit, "ingest/old", 100000);
    kit_index(kit, (unsigned[]){120}, 1);
}

static struct remove_context context_of(const struct kit *kit, const struct cache *cache)
{
    return (struct remove_context){.root_fd = kit->root_fd,
                                   .root_path = kit->root,
                                   .name = kit->name,
                                   .dev = cache->dev,
                                   .ino = cache->ino,
                                   .settle_ms = 1};
}

static int remove_garbage(const struct kit *kit, const struct cache *cache)
{
    struct remove_context context = context_of(kit, cache);
    struct remove_item items[LEN(garbage) + 1];
    struct err err = {0};
    for (size_t i = 0; i < LEN(garbage); i++) {
        const struct cache_blob *blob = kit_find(cache, garbage[i]);
        items[i] = (struct remove_item){.kind = REMOVE_BLOB,
                                        .digest = blob->digest,
                                        .ino = blob->ino,
                                        .modified_at = blob->modified_at};
    }
    items[LEN(garbage)] = (struct remove_item){.kind = REMOVE_INGEST,
                                               .name = "old",
                                               .ino = cache->leftovers[0].ino,
                                               .modified_at = cache->leftovers[0].modified_at};
    return remove_items(&context, items, LEN(items), &err);
}

static int remove_all(const struct kit *kit, const struct cache *cache)
{
    struct remove_context context = context_of(kit, cache);
    struct err err = {0};
    int64_t freed;
    return remove_service(&context, &freed, &err);
}

typedef int removal(const struct kit *kit, const struct cache *cache);

/* True when it came to its end before that step. */
static bool run_until(const struct kit *kit, removal *remove, int steps)
{
    struct cache *cache = kit_scan(kit, NULL);
    pid_t child = fork();
    if (child == 0) {
        atomic_store(&steps_left, steps);
        _exit(remove(kit, cache) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(child, waitpid(child, &status, 0));
    cache_free(cache);
    if (WIFEXITED(status)) {
        assert_int_equal(0, WEXITSTATUS(status));
        return true;
    }
    assert_int_equal(SIGKILL, WTERMSIG(status));
    return false;
}

static void assert_valid(const struct kit *kit, bool may_be_gone)
{
    struct cache *cache = kit_scan(kit, NULL);
    if (cache->state == CACHE_MISSING) {
        assert_true(may_be_gone);
    } else {
        assert_int_equal(kit_du(kit), cache->size_bytes);
        assert_true(cache->generations_len > 0);
        for (size_t i = 0; i < cache->generations_len; i++)
            assert_true(!cache->generations[i].live || cache->generations[i].whole);
        assert_true(cache->generations[0].live);
        assert_int_equal(0, cache->problems_total);
        for (unsigned i = 3; i < 6; i++)
            assert_non_null(kit_find(cache, i));
    }
    cache_free(cache);
}

static int count_ours(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    *(int *)arg += strncmp(name, ".bilge-", 7) == 0;
    return 0;
}

static void assert_tidy(const struct kit *kit)
{
    int ours = 0, fd;
    fs_each(kit->root_fd, count_ours, &ours, NULL);
    if (fs_open_dir(kit->root_fd, kit->name, &fd, NULL) == 0) {
        fs_each(fd, count_ours, &ours, NULL);
        close(fd);
    }
    assert_int_equal(0, ours);
}

/* Bilge's own work looks like no export's: what was left can be removed at once. */
static void assert_idle(const struct kit *kit)
{
    struct cache *cache = kit_scan(kit, NULL);
    assert_int_not_equal(CACHE_BUSY, cache->state);
    cache_free(cache);
}

static void (*make_cache)(struct kit *kit) = make;

static void run_all_steps(removal *remove, bool may_be_gone, int at_least)
{
    bool ended = false;
    int steps = 1;
    for (; !ended; steps++) {
        struct kit kit;
        struct err err = {0};
        make_cache(&kit);
        ended = run_until(&kit, remove, steps);
        assert_valid(&kit, may_be_gone);
        assert_int_equal(0, kit_recover(&kit, NULL, &err));
        assert_valid(&kit, may_be_gone);
        assert_idle(&kit);
        assert_tidy(&kit);
        kit_free(&kit);
    }
    assert_true(steps > at_least);
}

static void test_garbage(void **state)
{
    (void)state;
    run_all_steps(remove_garbage, false, 2 * 2 * ((int)LEN(garbage) + 1));
}

static void test_service(void **state)
{
    (void)state;
    run_all_steps(remove_all, true, 2 * 20);
}

/* One of two tags. */
static int remove_tag(const struct kit *kit, const struct cache *cache)
{
    static const unsigned blobs[] = {100, 101, 1};
    struct remove_context context = context_of(kit, cache);
    struct remove_item items[LEN(blobs) + 1];
    struct err err = {0};
    items[0] = (struct remove_item){
        .kind = REMOVE_LIVE, .digest = kit_digest_value(100), .modified_at = cache->last_export_at};
    for (size_t i = 0; i < LEN(blobs); i++) {
        const struct cache_blob *blob = kit_find(cache, blobs[i]);
        items[i + 1] = (struct remove_item){.kind = REMOVE_BLOB,
                                            .digest = blob->digest,
                                            .ino = blob->ino,
                                            .modified_at = blob->modified_at};
    }
    return remove_items(&context, items, LEN(items), &err);
}

static void make_tags(struct kit *kit)
{
    make(kit);
    kit_index(kit, (unsigned[]){120, 100}, 2);
}

static void test_one_tag(void **state)
{
    (void)state;
    make_cache = make_tags;
    run_all_steps(remove_tag, false, 2 * 2 * 3);
    make_cache = make;
}

/* The clean-up may be killed, too. */
static int recover(const struct kit *kit, const struct cache *cache)
{
    struct err err = {0};
    (void)cache;
    return kit_recover(kit, NULL, &err);
}

static void test_recovery(void **state)
{
    (void)state;
    bool ended = false;
    for (int steps = 1; !ended; steps++) {
        struct kit kit;
        struct err err = {0};
        make(&kit);
        run_until(&kit, remove_garbage, 15); /* in the middle of setting aside */
        ended = run_until(&kit, recover, steps);
        assert_valid(&kit, false);
        assert_int_equal(0, kit_recover(&kit, NULL, &err));
        assert_valid(&kit, false);
        assert_tidy(&kit);
        kit_free(&kit);
    }
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    step();
    int code = (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    step();
    return code;
}

/* Renamed aside and not decided, and a build has made the directory anew. */
static void make_away(struct kit *kit)
{
    char name[NOTE_NAME_SIZE];
    struct fs_stat stat;
    struct err err;
    make(kit);
    assert_int_equal(0, fs_stat_at(kit->root_fd, kit->name, &stat, &err));
    kit_removed_name(kit->name, stat.ino, false, name);
    assert_int_equal(0, renameat(kit->root_fd, kit->name, kit->root_fd, name));
    kit_layer(kit, 60, 100);
}

static void remove_directory(const struct kit *kit)
{
    int64_t freed = 0;
    struct err err;
    assert_int_equal(0, unlink_tree(kit->root_fd, kit->name, NULL, &freed, &err));
}

/* Killed while it gives an old directory's blobs into a new one; then somebody
 * removes the new one. The old one comes back with all that its index.json names. */
static void test_giving_back(void **state)
{
    (void)state;
    bool ended = false;
    int steps = 1;
    for (; !ended; steps++) {
        struct kit kit;
        struct err err = {0};
        make_away(&kit);
        ended = run_until(&kit, recover, steps);
        bool given = kit_exists(&kit, "index.json");
        if (given)
            assert_valid(&kit, false);
        else
            remove_directory(&kit);
        assert_int_equal(0, kit_recover(&kit, NULL, &err));
        assert_valid(&kit, false);
        assert_tidy(&kit);
        kit_free(&kit);
    }
    assert_true(steps > 2 * 13);
}

/* This harness can fail: a removal of live blobs, one by one, is caught. */
static int remove_live(const struct kit *kit, const struct cache *cache)
{
    (void)cache;
    char *path = mem_printf("%s/%s", kit->name, kit_blob_path(4));
    int code = unlinkat(kit->root_fd, path, 0);
    free(path);
    return code;
}

static void test_can_fail(void **state)
{
    struct kit kit;
    (void)state;
    make(&kit);
    assert_true(run_until(&kit, remove_live, 100));
    struct cache *cache = kit_scan(&kit, NULL);
    assert_false(cache->generations[0].whole);
    cache_free(cache);
    kit_free(&kit);
}

int main(void)
{
    limit_program(300);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),     cmocka_unit_test(test_service),
        cmocka_unit_test(test_one_tag),     cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_giving_back), cmocka_unit_test(test_can_fail),
    };
    return cmocka_run_group_tests_name("cache_kill", tests, NULL, NULL);
}
