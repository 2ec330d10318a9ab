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

#include "core/base/clock.h"
#include "core/base/path.h"
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

static void on_cache(void *arg, struct cache *cache)
{
    struct seen *seen = arg;
    seen->caches++;
    seen->bytes += cache->size_bytes;
    assert_true(strncmp(cache->name, ".bilge-", 7) != 0);
    cache_free(cache);
    if (seen->cancel_at_first)
        scan_cancel(seen->scan);
}

static void on_root(void *arg, const struct err *err)
{
    struct seen *seen = arg;
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

/* A loop, the kit's root, and a lane for it. */
struct scanning {
    struct loop_fixture fixture;
    struct scan_spec spec;
};

static struct root *open_kit(const struct kit *kit)
{
    struct root_found found;
    assert_int_equal(0, root_find(kit->root, geteuid(), &found));
    struct root *root = root_hold(found.root);
    root_found_done(&found);
    return root;
}

static void open_scanning(struct scanning *scanning, const struct kit *kit)
{
    loop_open(&scanning->fixture, 20000);
    scanning->spec = (struct scan_spec){.root = open_kit(kit),
                                        .lane = lane_new(&scanning->fixture.loop, NULL, NULL)};
}

static void close_scanning(struct scanning *scanning)
{
    while (!lane_is_idle(scanning->spec.lane))
        uv_run(&scanning->fixture.loop, UV_RUN_ONCE);
    root_release(scanning->spec.root);
    lane_close(scanning->spec.lane);
    loop_finish(&scanning->fixture);
}

static void test_scan(void **state)
{
    struct scanning scanning;
    struct seen seen = {0};
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    fill(&kit);
    open_scanning(&scanning, &kit);
    scan_start(&scanning.spec, &scan_ops, &seen);
    assert_int_equal(0, seen.roots); /* nothing before it returns */
    loop_wait(&scanning.fixture, &seen.ended);
    close_scanning(&scanning);
    assert_int_equal(1, seen.roots);
    assert_int_equal(0, seen.errors);
    assert_int_equal(1, seen.ends);
    assert_int_equal(22, seen.caches); /* directories and the link */
    kit_free(&kit);
}

static void test_scan_names(void **state)
{
    static const char *const names[] = {"api", "nothing"};
    struct scanning scanning;
    struct seen seen = {0};
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    fill(&kit);
    open_scanning(&scanning, &kit);
    scanning.spec.names = names;
    scanning.spec.names_len = LEN(names);
    scan_start(&scanning.spec, &scan_ops, &seen);
    loop_wait(&scanning.fixture, &seen.ended);
    close_scanning(&scanning);
    assert_int_equal(1, seen.roots);
    assert_int_equal(2, seen.caches); /* what is not there, too */
    kit_free(&kit);
}

/* Adds a directory to those that are roots themselves. */
static void set_apart(struct apart *apart, const struct kit *kit, const char *name)
{
    struct stat st;
    assert_int_equal(0, fstatat(kit->root_fd, name, &st, 0));
    apart->items = mem_realloc(apart->items, (apart->len + 1) * sizeof *apart->items);
    apart->items[apart->len++] = (struct inode){st.st_dev, st.st_ino};
}

/* One is not listed at all, of another that lies deeper only its bytes are left out. */
static void test_roots_within_a_root_are_not_counted_in_it(void **state)
{
    struct seen all = {0}, seen = {0};
    struct apart apart = {0};
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    fill(&kit);
    for (int round = 0; round < 2; round++) {
        struct scanning scanning;
        struct seen *now = round == 0 ? &all : &seen;
        open_scanning(&scanning, &kit);
        scanning.spec.apart = round == 0 ? NULL : &apart;
        scan_start(&scanning.spec, &scan_ops, now);
        set_apart(&apart, &kit, "foreign1");
        set_apart(&apart, &kit, "foreign2/a");
        loop_wait(&scanning.fixture, &now->ended);
        close_scanning(&scanning);
    }
    assert_int_equal(all.caches, 22);
    assert_int_equal(seen.caches, 21);
    struct cache *whole = scan_cache(kit.root_fd, kit.root, "foreign1", NULL);
    char *above = path_join(kit.root, "foreign2");
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct cache *part = scan_cache(fd, above, "a", NULL);
    assert_int_equal(all.bytes - seen.bytes, whole->size_bytes + part->size_bytes);
    close(fd);
    cache_free(whole);
    cache_free(part);
    free(above);
    free(apart.items);
    kit_free(&kit);
}

static void test_scan_previous(void **state)
{
    static const char *const names[] = {"api"};
    struct scanning scanning;
    struct seen seen = {0};
    struct kit kit;
    (void)state;
    kit_new(&kit, false);
    fill(&kit);
    open_scanning(&scanning, &kit);
    struct cache *previous = kit_scan(&kit, NULL);
    scanning.spec.names = names;
    scanning.spec.names_len = 1;
    scanning.spec.previous = previous;
    scan_start(&scanning.spec, &scan_ops, &seen);
    int64_t bytes = previous->size_bytes;
    cache_free(previous); /* it was copied */
    loop_wait(&scanning.fixture, &seen.ended);
    close_scanning(&scanning);
    assert_int_equal(bytes, seen.bytes);
    kit_free(&kit);
}

static void test_scan_cancel(void **state)
{
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct scanning scanning;
        struct seen seen = {.cancel_at_first = when == 2};
        struct kit kit;
        kit_new(&kit, false);
        fill(&kit);
        open_scanning(&scanning, &kit);
        seen.scan = scan_start(&scanning.spec, &scan_ops, &seen);
        if (when == 1)
            usleep(2000);
        if (when < 2)
            scan_cancel(seen.scan);
        close_scanning(&scanning);
        assert_int_equal(0, seen.ends);
        assert_true(seen.caches <= 1);
        kit_free(&kit);
    }
}

/* ---- watches */

struct changes {
    size_t root, cache;
    bool root_changed, cache_changed;
    bool layout; /* of the last one */
    struct watch *watch;
    bool free_now;
};

static void on_change(void *arg, const char *name, bool layout)
{
    struct changes *changes = arg;
    changes->layout = layout;
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
    struct root *root;
    struct lane *lane;
};

/* Until all that was asked for is watched. */
static void stand(struct watched *watched)
{
    while (!lane_is_idle(watched->lane))
        uv_run(&watched->fixture.loop, UV_RUN_ONCE);
}

static void forget(struct watched *watched)
{
    watched->changes.root = watched->changes.cache = 0;
    watched->changes.root_changed = watched->changes.cache_changed = false;
}

static int setup_watch(void **state)
{
    struct watched *watched = mem_zalloc(sizeof *watched);
    kit_new(&watched->kit, false);
    kit_generation(&watched->kit, 100, 101, 1, 3);
    kit_index(&watched->kit, (unsigned[]){100}, 1);
    loop_open(&watched->fixture, 20000);
    watched->root = open_kit(&watched->kit);
    watched->lane = lane_new(&watched->fixture.loop, NULL, NULL);
    watched->changes.watch =
        watch_new(&watched->fixture.loop, watched->lane, on_change, &watched->changes);
    watch_enter(watched->changes.watch, watched->root);
    watch_add_list(watched->changes.watch);
    watch_add_cache(watched->changes.watch, "api", INT64_MAX, 0);
    watch_add_cache(watched->changes.watch, "api", INT64_MAX, 0);
    stand(watched);
    loop_wait(&watched->fixture, &watched->changes.root_changed); /* it may have before */
    stand(watched);
    forget(watched);
    *state = watched;
    return 0;
}

static int teardown_watch(void **state)
{
    struct watched *watched = *state;
    if (!watched->changes.free_now)
        watch_free(watched->changes.watch);
    stand(watched);
    lane_close(watched->lane);
    root_release(watched->root);
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
    watch_add_cache(watched->changes.watch, "api", INT64_MAX, 0);
    stand(watched);
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
    watch_remove_cache(watched->changes.watch, "api");
    watch_remove_cache(watched->changes.watch, "never was");
    kit_layer(&watched->kit, 7, 10);
    loop_linger(&watched->fixture, 400);
    assert_int_equal(0, watched->changes.cache);
}

static void test_root_comes_later(void **state)
{
    struct watched *watched = *state;
    char *later = path_join(watched->kit.root, "deeper/later");
    struct root_found found;
    watch_wait(watched->changes.watch, later);
    stand(watched);
    dir_make(watched->kit.root, "unrelated");
    dir_make(watched->kit.root, "deeper");
    loop_linger(&watched->fixture, 400); /* the way to it alone is nothing to tell of */
    dir_make(later, "");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
    assert_int_equal(0, root_find(later, geteuid(), &found));
    watch_enter(watched->changes.watch, found.root);
    watch_add_list(watched->changes.watch);
    stand(watched);
    forget(watched);
    dir_make(later, "service");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
    root_found_done(&found);
    free(later);
}

/* Of a directory full of others' life only the one name is told of. */
static void test_name_comes_later(void **state)
{
    struct watched *watched = *state;
    struct root *again = open_kit(&watched->kit);
    watch_enter(watched->changes.watch, again); /* its list is not watched there */
    root_release(again);
    watch_add_coming(watched->changes.watch, "later");
    stand(watched);
    for (int i = 0; i < 300; i++) {
        char *name = mem_printf("other%d", i);
        dir_make(watched->kit.root, name);
        free(name);
    }
    loop_linger(&watched->fixture, 400);
    assert_false(watched->changes.root_changed);
    dir_make(watched->kit.root, "later");
    loop_wait(&watched->fixture, &watched->changes.root_changed);
}

/* Between its scan and the watch. */
static void test_what_happened_before_is_told_of(void **state)
{
    struct watched *watched = *state;
    int64_t long_ago = clock_now() - 3600 * CLOCK_SECOND;
    dir_make(watched->kit.root, "other");
    forget(watched);
    watch_remove_cache(watched->changes.watch, "api");
    watch_add_cache(watched->changes.watch, "api", long_ago, 0);
    loop_wait(&watched->fixture, &watched->changes.cache_changed);
}

/* The same where times tell nothing: the file has the old one again, or the clock of
 * another machine made it. */
static void test_what_happened_before_is_told_of_whatever_the_times_are(void **state)
{
    struct watched *watched = *state;
    struct kit *kit = &watched->kit;
    struct timespec times[2];
    struct stat st;
    for (int changed = 0; changed < 2; changed++) {
        watch_remove_cache(watched->changes.watch, "api");
        uint64_t mark = watch_mark(kit->root_fd, "api"); /* as a scan takes it */
        if (changed) {
            char *path = path_join(kit->dir, "index.json");
            assert_int_equal(0, stat(path, &st));
            int fd = open(path, O_WRONLY | O_CLOEXEC);
            assert_int_equal(1, pwrite(fd, " ", 1, st.st_size - 1));
            times[0] = st.st_atim;
            times[1] = st.st_mtim;
            assert_int_equal(0, futimens(fd, times));
            close(fd);
            free(path);
        }
        forget(watched);
        watch_add_cache(watched->changes.watch, "api", INT64_MAX, mark);
        if (changed)
            loop_wait(&watched->fixture, &watched->changes.cache_changed);
        else
            loop_linger(&watched->fixture, limit_ms(400));
        assert_int_equal(changed, watched->changes.cache > 0);
    }
}

static void test_a_layout_is_told_of(void **state)
{
    struct watched *watched = *state;
    kit_layer(&watched->kit, 7, 10);
    wait_for_cache(watched);
    assert_true(watched->changes.layout);
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
        cmocka_unit_test(test_scan_names),
        cmocka_unit_test(test_roots_within_a_root_are_not_counted_in_it),
        cmocka_unit_test(test_scan_previous),
        cmocka_unit_test(test_scan_cancel),
        WATCH(test_changes),
        WATCH(test_burst),
        WATCH(test_flood_without_end),
        WATCH(test_quiet),
        WATCH(test_replaced),
        WATCH(test_removed),
        WATCH(test_root_comes_later),
        WATCH(test_name_comes_later),
        WATCH(test_what_happened_before_is_told_of),
        WATCH(test_what_happened_before_is_told_of_whatever_the_times_are),
        WATCH(test_a_layout_is_told_of),
        WATCH(test_freed_in_callback),
    };
    return cmocka_run_group_tests_name("cache_watch", tests, NULL, NULL);
}
