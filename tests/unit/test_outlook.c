/* What history remembers becomes what the store says of disks, caches and
 * builders. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/app/outlook.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/history/history.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define NOW (INT64_C(1790000000) * CLOCK_SECOND)
#define GB INT64_C(1000000000)
#define MB INT64_C(1000000)

struct memories {
    char *directory;
    struct history *history;
    struct store *store;
};

static int setup(void **state)
{
    struct memories *memories = mem_zalloc(sizeof *memories);
    memories->directory = tempdir_new();
    char *path = path_join(memories->directory, "history.db");
    assert_int_equal(0, history_open(path, &memories->history, NULL));
    free(path);
    memories->store = store_new();
    struct disk *disk = store_put_disk(memories->store, 7, "/caches");
    mem_replace(&disk->mount, "/");
    disk->total_bytes = 100 * GB;
    disk->free_bytes = 30 * GB;
    store_put_disk(memories->store, 8, "/var/lib/docker")->total_bytes = GB;
    struct cache *cache = mem_zalloc(sizeof *cache);
    cache->path = mem_strdup("/caches/api");
    store_set_cache(memories->store, "/caches/api", cache);
    struct service *service = store_put_service(memories->store, "/caches/api");
    mem_replace(&service->name, "api");
    store_put_builder(memories->store, "default");
    *state = memories;
    return 0;
}

static int teardown(void **state)
{
    struct memories *memories = *state;
    history_close(memories->history);
    store_free(memories->store);
    tempdir_free(memories->directory);
    free(memories);
    return 0;
}

static void sample(struct memories *memories, const char *series, int64_t at, int64_t bytes)
{
    const struct history_sample sample = {series, at, bytes};
    assert_int_equal(0, history_add_samples(memories->history, &sample, 1, NULL));
}

static void look(struct memories *memories)
{
    struct outlook *outlook = outlook_new(memories->store);
    outlook_read(outlook, memories->history, NOW);
    outlook_put(outlook, memories->store);
    outlook_free(outlook);
}

static void nothing_remembered_says_nothing(void **state)
{
    struct memories *memories = *state;
    look(memories);
    const struct disk *disk = &memories->store->disks[0];
    assert_true(disk->full_at == 0 && disk->full_builds == 0);
    assert_true(disk->shrinks_per_hour_bytes == 0 && disk->shrinks_per_build_bytes == 0);
    assert_non_null(disk->day);
    for (size_t i = 0; i < DISK_DAY_SLOTS; i++)
        assert_true(disk->day[i] == GROWTH_UNKNOWN);
    assert_false(memories->store->builders[0].growth.known);
    assert_false(store_service(memories->store, "/caches/api")->growth.known);
}

static void each_is_told_from_its_own_samples(void **state)
{
    struct memories *memories = *state;
    for (int i = 60; i >= 0; i--) { /* ten hours: 5 GB an hour are taken of the disk */
        sample(memories, "free:/", NOW - i * 10 * MINUTE, 30 * GB + i * 5 * GB / 6);
        sample(memories, "cache:/caches/api", NOW - i * 10 * MINUTE, 20 * GB - i * GB / 6);
        sample(memories, "builder:default", NOW - i * 10 * MINUTE, 90 * GB - i * GB / 2);
        sample(memories, "free:/elsewhere", NOW - i * 10 * MINUTE, i);
    }
    look(memories);
    const struct store *store = memories->store;
    const struct disk *disk = &store->disks[0];
    assert_true(fabs((double)(disk->full_at - NOW) / (double)HOUR - 6) < 0.1);
    assert_true(llabs(disk->shrinks_per_hour_bytes - 5 * GB) < 50 * MB);
    assert_int_equal(disk->full_builds, 0);
    assert_true(disk->day[DISK_DAY_SLOTS - 1] == 30 * GB);
    assert_true(disk->day[DISK_DAY_SLOTS - 2] == 30 * GB + 5 * GB / 6);
    assert_true(disk->day[0] == GROWTH_UNKNOWN);
    assert_true(disk->week[DISK_WEEK_SLOTS - 1] == 30 * GB);
    assert_true(store->disks[1].full_at == 0);
    const struct growth *cache = &store_service(store, "/caches/api")->growth;
    assert_true(cache->known && llabs(cache->per_hour_bytes - GB) < 50 * MB);
    assert_true(llabs(store->builders[0].growth.per_hour_bytes - 3 * GB) < 100 * MB);
    assert_true(llabs(store->builders[0].growth.day_bytes - 30 * GB) < GB);
}

/* Builds of a minute, one an hour: 3 GB of the disk, 2 GB of it in the builder,
 * and 1 GB in the cache. */
static void builds_are_counted(void **state)
{
    struct memories *memories = *state;
    for (int i = 8; i >= 1; i--) {
        int64_t at = NOW - i * HOUR;
        struct history_build build = {
            .service = (char *)"api",
            .state = i == 3 ? BUILD_FAILED : BUILD_DONE, /* a failed one does not count */
            .started_at = at,
            .duration_ms = 60000,
            .added_bytes = GB,
        };
        assert_int_equal(0, history_add_build(memories->history, &build, NULL));
        sample(memories, "free:/", at, 27 * GB + i * 3 * GB);
        sample(memories, "free:/", at + 2 * MINUTE, 27 * GB + (i - 1) * 3 * GB);
        sample(memories, "builder:default", at - MINUTE, 50 * GB - i * 2 * GB);
        sample(memories, "builder:default", at + 3 * MINUTE, 50 * GB - (i - 1) * 2 * GB);
    }
    look(memories);
    const struct store *store = memories->store;
    assert_int_equal(store->disks[0].shrinks_per_build_bytes, 3 * GB);
    assert_int_equal(store->disks[0].full_builds, 10);
    assert_int_equal(store->builders[0].growth.per_build_bytes, 2 * GB);
    assert_int_equal(store_service(store, "/caches/api")->growth.per_build_bytes, GB);
}

static void looking_again_replaces(void **state)
{
    struct memories *memories = *state;
    look(memories);
    sample(memories, "free:/", NOW, 5);
    look(memories);
    assert_true(memories->store->disks[0].day[DISK_DAY_SLOTS - 1] == 5);
    store_clear_disks(memories->store); /* frees it */
    look(memories);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_remembered_says_nothing),
        CASE(each_is_told_from_its_own_samples),
        CASE(builds_are_counted),
        CASE(looking_again_replaces),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
