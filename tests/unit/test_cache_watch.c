/* Scans and watches on a loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cache/scan.h"
#include "core/cache/watch.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* ---- scans */

struct seen {
    struct scan *scan;
    size_t caches, roots, errors, ends;
    int64_t bytes;
    bool cancel_at_first, ended;
};

static void on_cache(void *arg, size_t root, struct cache *cache)
{
    struct seen *seen = arg;
    (void)root;
    seen->caches++;
    seen->bytes += cache->size_bytes;
    assert_true(strncmp(cache->name, ".bilge-", 7) != 0);
    cache_free(cache);
    if (seen->cancel_at_first)
        scan_cancel(seen->scan);
}

static void on_root(void *arg, size_t root, const struct err *err)
{
    struct seen *seen = arg;
    (void)root;
    seen->roots++;
    seen->errors += err != NULL;
}

static void on_done(void *arg)
{
    struct seen *seen = arg;
    seen->ends++;
    seen->ended = true;
}

static const struct scan_ops scan_ops = {on_cache, on_root, on_done};

static void fill(struct kit *kit)
{
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100}, 1);
    for (int i = 0; i < 20; i++) {
        char *name = mem_printf("foreign%d/a/b/file", i);
        file_write_text(kit->root, name, "some text");
        free(name);
    }
    file_write_text(kit->root, "no-directory", "x");
    file_write_text(kit->root, ".bilge-gone.x/index.json", "x");
    assert_int_equal(0, symlinkat("/etc", kit->root_fd, "link"));
}

static void test_scan(void **state)
{
    struct loop_fixture fixture;
    struct seen seen = {0};
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    fill(&kit);
    loop_open(&fixture, 20000);
    const struct scan_root roots[] = {{.path = kit.root},
                                      {.path = "/nowhere/at/all"},
                                      {.path = kit.root, .only = "api"},
                                      {.path = kit.root, .only = "nothing"}};
    scan_start(&fixture.loop, roots, LEN(roots), &scan_ops, &seen);
    assert_int_equal(0, seen.roots); /* nothing before it returns */
    loop_wait(&fixture, &seen.ended);
    loop_finish(&fixture);
    assert_int_equal(4, seen.roots);
    assert_int_equal(1, seen.errors);
    assert_int_equal(1, seen.ends);
    assert_int_equal(22 + 1 + 1, seen.caches); /* directories and the link, once more api, nothing */
    kit_free(&kit);
}

static void test_scan_previous(void **state)
{
    struct loop_fixture fixture;
    struct seen seen = {0};
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    fill(&kit);
    loop_open(&fixture, 20000);
    struct cache *previous = kit_scan(&kit, NULL);
    const struct scan_root root = {kit.root, "api", previous};
    scan_start(&fixture.loop, &root, 1, &scan_ops, &seen);
    int64_t bytes = previous->size_bytes;
    cache_free(previous); /* it was copied */
    loop_wait(&fixture, &seen.ended);
    loop_finish(&fixture);
    assert_int_equal(bytes, seen.bytes);
    kit_free(&kit);
}

static void test_scan_cancel(void **state)
{
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct loop_fixture fixture;
        struct seen seen = {.cancel_at_first = when == 2};
        struct kit kit;
        kit_new(&kit, false);
        fill(&kit);
        loop_open(&fixture, 20000);
        const struct scan_root root = {.path = kit.root};
        seen.scan = scan_start(&fixture.loop, &root, 1, &scan_ops, &seen);
        if (when == 1)
            usleep(2000);
        if (when < 2)
            scan_cancel(seen.scan);
        loop_finish(&fixture);
        assert_int_equal(0, seen.ends);
        assert_true(seen.caches <= 1);
        kit_free(&kit);
    }
}

/* ---- watches */

struct changes {
    size_t root, cache;
    bool root_changed, cache_changed;
    struct watch *watch;
    bool free_now;
};

static void on_change(void *arg, const char *root, const char *name)
{
    struct changes *changes = arg;
    assert_non_null(root);
    changes->root += name == NULL;
    changes->cache += name != NULL && strcmp(name, "api") == 0;
    changes->root_changed = changes->root > 0;
    changes->cache_changed = changes->cache > 0;
    if (changes->free_now)
        watch_free(changes->watch);
}

struct watched {
    struct loop_fixture fixture;
    struct kit kit;
    struct changes changes;
};

static int setup_watch(void **state)
{
    struct watched *watched = mem_zalloc(sizeof *watched);
    kit_new(&watched->kit, false);
    kit_generation(&watched->kit, 100, 101, 1, 3);
    kit_index(&watched->kit, (unsigned[]){100}, 1);
    loop_open(&watched->fixture, 20000);
    watched->changes.watch = watch_new(&watched->fixture.loop, on_change, &watched->changes);
    watch_add_root(watched->changes.watch, watched->kit.root);
    watch_add_cache(watched->changes.watch, watched->kit.root, "api");
    watch_add_cache(watched->changes.watch, watched->kit.root, "api");
    *state = watched;
    return 0;
}

static int teardown_watch(void **state)
{
    struct watched *watched = *state;
    if (!watched->changes.free_now)
        watch_free(watched->changes.watch);
    loop_finish(&watched->fixture);
    kit_free(&watched->kit);
    free(watched);
    return 0;
}

static void wait_for_cache(struct watched *watched)
{
    watched->changes.cache = 0;
    watched->changes.cache_changed = false;
    loop_wait(&watched->fixture, &watched->changes.cache_changed);
}

static void test_changes(void **state)
{
    struct watched *watched = *state;
    struct kit *kit = &watched->kit;
    kit_layer(kit, 7, 10);
    wait_for_cache(watched);
    kit_index(kit, (unsigned[]){100}, 1); /* in place */
    wait_for_cache(watched);
    dir_make(kit->dir, "ingest/new");
    wait_for_cache(watched);
    assert_false(watched->changes.root_changed);
    dir_make(kit->root, "other");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
}

/* A flood of writes is a few calls. */
static void test_burst(void **state)
{
    struct watched *watched = *state;
    for (unsigned i = 0; i < 500; i++)
        kit_layer(&watched->kit, 1000 + i, 10);
    wait_for_cache(watched);
    loop_linger(&watched->fixture, limit_ms(400));
    assert_true(watched->changes.cache <= 2);
}

/* Somebody who is faster than libuv: for every batch of events that it reads
 * there are new ones, for as long as flood_fd is set. libuv's read() is ours. */
static int flood_fd = -1;

ssize_t read(int fd, void *buf, size_t len)
{
    ssize_t got = syscall(SYS_read, fd, buf, len);
    if (flood_fd >= 0 && got > 0 && pwrite(flood_fd, "x", 1, 0) < 0)
        return -1;
    return got;
}

/* The loop goes on turning, and what happens is told. */
static void test_flood_without_end(void **state)
{
    struct watched *watched = *state;
    char *path = path_join(watched->kit.dir, "flood");
    flood_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(flood_fd >= 0);
    wait_for_cache(watched);
    close(flood_fd);
    flood_fd = -1;
    kit_layer(&watched->kit, 7, 10);
    wait_for_cache(watched);
    free(path);
}

/* Nothing changes: nothing is told, not even by our own looking. */
static void test_quiet(void **state)
{
    struct watched *watched = *state;
    cache_free(kit_scan(&watched->kit, NULL));
    kit_write(&watched->kit, "../unrelated", "x", 1);
    loop_wait(&watched->fixture, &watched->changes.root_changed);
    loop_linger(&watched->fixture, 300);
    assert_int_equal(0, watched->changes.cache);
}

/* The directory goes and comes back as another one; parts come later. */
static void test_replaced(void **state)
{
    struct watched *watched = *state;
    struct kit *kit = &watched->kit;
    char *away = path_join(kit->root, "away");
    assert_int_equal(0, rename(kit->dir, away));
    wait_for_cache(watched);
    dir_make(kit->root, "api");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
    watch_add_cache(watched->changes.watch, kit->root, "api");
    dir_make(kit->dir, "blobs");
    wait_for_cache(watched);
    dir_make(kit->dir, "blobs/sha256");
    wait_for_cache(watched);
    kit_layer(kit, 7, 10);
    wait_for_cache(watched);
    free(away);
}

static void test_removed(void **state)
{
    struct watched *watched = *state;
    watch_remove_cache(watched->changes.watch, watched->kit.root, "api");
    watch_remove_cache(watched->changes.watch, watched->kit.root, "never was");
    kit_layer(&watched->kit, 7, 10);
    loop_linger(&watched->fixture, 400);
    assert_int_equal(0, watched->changes.cache);
}

static void test_root_comes_later(void **state)
{
    struct watched *watched = *state;
    char *later = path_join(watched->kit.root, "later");
    watch_add_root(watched->changes.watch, later);
    watched->changes.root_changed = false;
    dir_make(later, "");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
    loop_linger(&watched->fixture, 400);
    watched->changes.root = 0;
    watched->changes.root_changed = false;
    dir_make(later, "service");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
    free(later);
}

static void test_freed_in_callback(void **state)
{
    struct watched *watched = *state;
    watched->changes.free_now = true;
    kit_layer(&watched->kit, 7, 10);
    wait_for_cache(watched);
}

int main(void)
{
    limit_program(120);
#define WATCH(test) cmocka_unit_test_setup_teardown(test, setup_watch, teardown_watch)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_scan_previous),
        cmocka_unit_test(test_scan_cancel),
        WATCH(test_changes),
        WATCH(test_burst),
        WATCH(test_flood_without_end),
        WATCH(test_quiet),
        WATCH(test_replaced),
        WATCH(test_removed),
        WATCH(test_root_comes_later),
        WATCH(test_freed_in_callback),
    };
    return cmocka_run_group_tests_name("cache_watch", tests, NULL, NULL);
}
